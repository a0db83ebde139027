#include "solvers/snapshot.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <optional>
#include <tuple>
#include <vector>

#include "base/crc32c.h"
#include "base/file.h"
#include "base/log.h"
#include "core/weights.h"
#include "solvers/check.h"

namespace crema {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBest = "_best", kIteration = "_iter_", kState = ".solverstate";

fs::path folder_of(const SolverConfig& config) {
  const fs::path folder = fs::path(snapshot_prefix(config)).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

// Takes a number off the front of `text`.
std::optional<int> take_number(std::string_view* text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return number;
}

bool take(std::string_view* text, std::string_view start) {
  if (!text->starts_with(start)) return false;
  text->remove_prefix(start.size());
  return true;
}

// One of the prefix's states that a folder holds.
struct Found {
  int iteration;
  bool best;
  fs::path path;
  fs::file_time_type written;
};

// The files of a folder; none if it cannot be read.
std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    files.push_back(at->path());
  }
  return files;
}

std::vector<Found> find_states(const SolverConfig& config) {
  const std::string stem = fs::path(snapshot_prefix(config)).filename().string();
  std::vector<Found> found;
  std::error_code ignored;
  for (const fs::path& path : files_in(folder_of(config))) {
    const std::string name = path.filename().string();
    std::string_view rest = name;
    if (!take(&rest, stem)) continue;
    const bool best = take(&rest, kBest);
    if (!take(&rest, kIteration)) continue;
    const auto iteration = take_number(&rest);
    // A folder, a pipe or a device of that name is not a state.
    if (iteration && rest == kState && fs::is_regular_file(path, ignored))
      found.push_back({*iteration, best, path, fs::last_write_time(path, ignored)});
  }
  return found;
}

// The seal's tag: it encodes the field's number and a length of eight bytes.
constexpr std::string_view kSealTag = "\xe9\xe2\x09";
constexpr size_t kSealSize = kSealTag.size() + 8;

uint64_t seal_of(std::string_view bytes) { return uint64_t{bytes.size()} << 32 | crc32c(bytes); }

constexpr const char* kTakeAnother = "go on from another snapshot (--resume latest takes the newest that is whole)";

// What is wrong with bytes that begin with the seal's tag; "" if nothing is.
std::string damage(std::string_view bytes) {
  if (bytes.size() < kSealSize) return "it is cut off";
  uint64_t seal = 0;
  for (size_t i = 0; i < 8; ++i) seal |= uint64_t{static_cast<unsigned char>(bytes[kSealTag.size() + i])} << (8 * i);
  bytes.remove_prefix(kSealSize);
  const uint64_t count = seal >> 32;
  if (count != bytes.size())
    return fmt::format("it had {} bytes and has {}", count + kSealSize, bytes.size() + kSealSize);
  return seal_of(bytes) == seal ? "" : "its checksum is not that of its bytes";
}

// The longest names among the files that the run writes.
std::vector<std::string> longest_names(const SolverConfig& config) {
  const SolverParameter& s = config.solver;
  const SnapshotFiles snapshot = snapshot_files(config, s.max_iter(), s.keep_best());
  std::vector<std::string> names = {s.ema_decay() > 0 ? snapshot.average : snapshot.state};
  if (!writes_metrics(config)) return names;
  const RunFiles run = run_files(config);
  names.insert(names.end(), {run.rows, run.events, run.text});
  return names;
}

void check_usable(const std::string& path) {
  const SolverState state = read_state(path);
  const std::string model = find_model(state, path);
  if (!state.has_model_crc()) read_model(model);  // otherwise the checksum shows that it is the file that was written
}

// Copied files may have lost their times, so a state of a later iteration may look older.
void warn_of_later(const Found& taken, const std::vector<Found>& states) {
  for (const Found& state : states) {
    if (state.iteration <= taken.iteration) continue;
    CREMA_WARN("{} was written last; {} is of a later iteration, but older: name it to --resume if it is meant",
               taken.path.string(), state.path.string());
    return;
  }
}

// Whether `rest` of a name ends in PID.tmp, the ending of write_file()'s unfinished files, and that process no longer
// exists.
bool is_remains(std::string_view rest) {
  if (!rest.ends_with(".tmp")) return false;
  rest.remove_suffix(4);
  std::string_view process = rest.substr(rest.rfind('.') + 1);
  const auto number = take_number(&process);
  return number && *number > 0 && process.empty() && ::kill(*number, 0) != 0 && errno == ESRCH;
}

// The state is removed last. Snapshots are found by their states, so if the run is killed here, the next run still
// finds this one.
void remove_snapshot(const SnapshotFiles& files) {
  std::error_code ignored;
  for (const std::string& file : {files.model, files.average, files.state}) {
    if (fs::is_regular_file(file, ignored)) fs::remove(file, ignored);
  }
}

}  // namespace

std::string snapshot_prefix(const SolverConfig& config) {
  const fs::path solver(config.source.file);
  const std::string& prefix = config.solver.snapshot_prefix();
  if (prefix.empty()) return fs::path(solver).replace_extension().string();
  std::error_code ignored;
  return fs::is_directory(prefix, ignored) ? (fs::path(prefix) / solver.stem()).string() : prefix;
}

SnapshotFiles snapshot_files(const SolverConfig& config, int iteration, bool best) {
  const std::string stem = fmt::format("{}{}{}{}", snapshot_prefix(config), best ? kBest : "", kIteration, iteration);
  return {stem + ".caffemodel", stem + "_ema.caffemodel", stem + std::string(kState)};
}

RunFiles run_files(const SolverConfig& config) {
  const std::string prefix = snapshot_prefix(config);
  return {prefix + ".metrics.jsonl", prefix + "_tensorboard/events.out.tfevents.0.crema", prefix + "_run.prototxt",
          prefix + ".lock"};
}

bool writes_snapshots(const SolverConfig& config) {
  const SolverParameter& s = config.solver;
  return s.snapshot() > 0 || s.snapshot_after_train() || s.keep_best();
}

bool writes_metrics(const SolverConfig& config) {
  return config.solver.has_metrics() ? config.solver.metrics() : writes_snapshots(config);
}

void check_snapshot_folder(const SolverConfig& config) {
  for (const std::string& file : longest_names(config)) {
    const bool too_long = ::access(draft_name(file).c_str(), F_OK) != 0 && errno == ENAMETOOLONG;
    check_field(config, "snapshot_prefix", !too_long,
                "a file of this run, {}, has a name that is too long for the file system; choose a shorter "
                "snapshot_prefix",
                crema::in_quotes(file));
  }
  const char* what = writes_snapshots(config) ? "snapshots" : "metrics";
  const fs::path folder = folder_of(config);
  std::error_code ignored;
  check_field(config, "snapshot_prefix", fs::is_directory(folder, ignored),
              "{} go to folder \"{}\", which does not exist", what, folder.string());
  check_field(config, "snapshot_prefix", ::access(folder.c_str(), W_OK) == 0,
              "{} go to folder \"{}\", which cannot be written to", what, folder.string());
}

std::string state_bytes(const std::string& path, SolverState state) {
  state.clear_seal();
  state.set_sealed(true);
  std::string bytes = binary(path, state);
  const uint64_t seal = seal_of(bytes);
  std::string first(kSealTag);
  for (int shift = 0; shift < 64; shift += 8) first += static_cast<char>(seal >> shift & 0xff);
  return bytes.insert(0, first);
}

SolverState read_state(const std::string& path, bool* sealed) {
  SolverState state;
  check_regular(path);
  const std::string bytes = read_file(path);
  check(!bytes.starts_with("\x89HDF"), "{}: an HDF5 file; states are read in the binary format alone", path);
  const bool has_seal = bytes.starts_with(kSealTag);
  if (sealed != nullptr) *sealed = has_seal;
  const std::string fault = has_seal ? damage(bytes) : "";
  check(fault.empty(), "{}: a damaged solver state: {}; {}", path, fault, kTakeAnother);
  const bool parsed = state.ParseFromString(bytes);
  check(parsed && state.has_iter() && state.has_learned_net() && state.iter() >= 0,
        "{}: not a solver state, or only a part of one; {}", path, kTakeAnother);
  check(has_seal || (!state.has_sealed() && !state.has_seal()), "{}: a damaged solver state: its checksum is gone; {}",
        path, kTakeAnother);
  const auto& losses = state.loss_window();
  const bool finite = std::all_of(losses.begin(), losses.end(), [](float loss) { return std::isfinite(loss); });
  check(finite, "{}: damaged: it holds a loss that is no finite number", path);
  state.clear_seal();
  state.clear_sealed();
  return state;
}

void give_algorithms(const SolverState& state, Algorithms* store) {
  std::vector<Algorithms::Choice> choices;
  for (const AlgorithmChoice& choice : state.algorithm()) {
    choices.push_back({choice.problem(), choice.pass(), choice.algorithm()});
  }
  store->give(choices, choices.empty() && state.has_engine());
}

std::string find_model(const SolverState& state, const std::string& state_path) {
  const fs::path beside = fs::path(state_path).parent_path() / fs::path(state.learned_net()).filename();
  std::string other;  // a file at one of the places that is not the model
  for (const std::string& model : {beside.string(), state.learned_net()}) {
    std::error_code ignored;
    if (!fs::is_regular_file(model, ignored)) continue;
    if (!state.has_model_crc() || crc32c(read_file(model)) == state.model_crc()) return model;
    if (other.empty()) other = model;
  }
  check(other.empty(), "{}: is not the model that was written with {}: it is damaged, or of another run", other,
        state_path);
  throw Error("{}: its model is neither at {} nor at {}", state_path, beside.string(), state.learned_net());
}

// Sorts by the time of writing, since another run with this prefix may have left snapshots of later iterations.
std::string latest_state(const SolverConfig& config) {
  std::vector<Found> states = find_states(config);
  std::sort(states.begin(), states.end(), [](const Found& a, const Found& b) {
    return std::tie(a.written, a.iteration) > std::tie(b.written, b.iteration);
  });
  for (auto state = states.begin(); state != states.end(); ++state) {
    try {
      check_usable(state->path.string());
      warn_of_later(*state, {state + 1, states.end()});
      return state->path.string();
    } catch (const Error& error) {
      CREMA_WARN("{}; looking for an older snapshot", error.what());
    }
  }
  const std::string prefix = snapshot_prefix(config);
  if (states.empty()) {
    CREMA_WARN("--resume latest: there is no snapshot of {} yet: starting", prefix);
  } else {
    CREMA_WARN("--resume latest: none of the {} snapshots of {} is whole: starting from the beginning", states.size(),
               prefix);
  }
  return "";
}

void remove_older(const SolverConfig& config, int iteration, int keep) {
  std::vector<Found> older = find_states(config);
  std::erase_if(older, [&](const Found& state) { return state.best || state.iteration >= iteration; });
  std::sort(older.begin(), older.end(), [](const Found& a, const Found& b) { return a.iteration > b.iteration; });
  for (size_t i = static_cast<size_t>(keep) - 1; i < older.size(); ++i) {
    remove_snapshot(snapshot_files(config, older[i].iteration));
  }
}

void remove_other_best(const SolverConfig& config, int iteration) {
  for (const Found& state : find_states(config)) {
    if (state.best && state.iteration != iteration) remove_snapshot(snapshot_files(config, state.iteration, true));
  }
}

void remove_remains(const SolverConfig& config) {
  const std::string prefix = snapshot_prefix(config), stem = fs::path(prefix).filename().string();
  const fs::path folder = folder_of(config), events = run_files(config).events;
  std::vector<fs::path> files = files_in(events.parent_path());
  for (fs::path& path : files_in(folder)) {
    const std::string name = path.filename().string();
    if (name.starts_with(stem + "_") || name.starts_with(stem + ".")) files.push_back(std::move(path));
  }
  std::error_code ignored;
  for (const fs::path& path : files) {
    if (is_remains(path.filename().string())) fs::remove(path, ignored);
  }
}

}  // namespace crema

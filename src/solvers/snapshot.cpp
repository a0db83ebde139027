#include "solvers/snapshot.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
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

// What a folder holds; nothing if it cannot be read.
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
    if (iteration && rest == kState) found.push_back({*iteration, best, path, fs::last_write_time(path, ignored)});
  }
  return found;
}

void check_usable(const std::string& path) {
  const SolverState state = read_state(path);
  const std::string model = find_model(state, path);
  if (!state.has_model_crc()) read_model(model);  // else it is known to be the file that was written
}

// Files that were copied may have lost their times.
void warn_of_later(const Found& taken, const std::vector<Found>& states) {
  for (const Found& state : states) {
    if (state.iteration <= taken.iteration) continue;
    CREMA_WARN("{} was written last; {} is of a later iteration, but older: name it to --resume if it is meant",
               taken.path.string(), state.path.string());
    return;
  }
}

// Whether `rest` of a name ends in PID.tmp, as write_file() names what it has not finished, and that process is no
// more.
bool is_remains(std::string_view rest) {
  if (!rest.ends_with(".tmp")) return false;
  rest.remove_suffix(4);
  std::string_view process = rest.substr(rest.rfind('.') + 1);
  const auto number = take_number(&process);
  return number && *number > 0 && process.empty() && ::kill(*number, 0) != 0 && errno == ESRCH;
}

// The state last: it is by states that snapshots are found, also by the next run after this one is killed here.
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

bool writes_snapshots(const SolverConfig& config) {
  const SolverParameter& s = config.solver;
  return s.snapshot() > 0 || s.snapshot_after_train() || s.keep_best();
}

void check_snapshot_folder(const SolverConfig& config) {
  const fs::path folder = folder_of(config);
  std::error_code ignored;
  check_field(config, "snapshot_prefix", fs::is_directory(folder, ignored),
              "snapshots go to folder \"{}\", which does not exist", folder.string());
  check_field(config, "snapshot_prefix", ::access(folder.c_str(), W_OK) == 0,
              "snapshots go to folder \"{}\", which cannot be written to", folder.string());
}

SolverState read_state(const std::string& path) {
  SolverState state;
  const std::string bytes = read_file(path);
  check(!bytes.starts_with("\x89HDF"), "{}: an HDF5 file; states are read in the binary format alone", path);
  const bool parsed = state.ParseFromString(bytes);
  check(parsed && state.has_iter() && state.has_learned_net() && state.iter() >= 0,
        "{}: not a solver state, or only a part of one", path);
  const auto& losses = state.loss_window();
  const bool finite = std::all_of(losses.begin(), losses.end(), [](float loss) { return std::isfinite(loss); });
  check(finite, "{}: damaged: it holds a loss that is no finite number", path);
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
    if (!fs::exists(model, ignored)) continue;
    if (!state.has_model_crc() || crc32c(read_file(model)) == state.model_crc()) return model;
    if (other.empty()) other = model;
  }
  check(other.empty(), "{}: is not the model that was written with {}: it is damaged, or of another run", other,
        state_path);
  throw Error("{}: its model is neither at {} nor at {}", state_path, beside.string(), state.learned_net());
}

// By the time of writing, since another run with this prefix may have left snapshots of later iterations.
std::string latest_state(const SolverConfig& config) {
  std::vector<Found> states = find_states(config);
  std::sort(states.begin(), states.end(), [](const Found& a, const Found& b) {
    return std::tie(a.written, a.iteration) > std::tie(b.written, b.iteration);
  });
  for (const Found& state : states) {
    try {
      check_usable(state.path.string());
      warn_of_later(state, states);
      return state.path.string();
    } catch (const Error& error) {
      CREMA_WARN("{}; looking for an older snapshot", error.what());
    }
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
  const fs::path folder = folder_of(config), events = prefix + "_tensorboard";
  std::vector<fs::path> files = files_in(events);
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

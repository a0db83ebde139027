#include "solvers/snapshot.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "solvers/check.h"

namespace crema {
namespace {

namespace fs = std::filesystem;

std::string prefix_of(const SolverConfig& config) {
  const fs::path solver(config.source.file);
  const std::string& prefix = config.solver.snapshot_prefix();
  if (prefix.empty()) return fs::path(solver).replace_extension().string();
  std::error_code ignored;
  return fs::is_directory(prefix, ignored) ? (fs::path(prefix) / solver.stem()).string() : prefix;
}

}  // namespace

SnapshotFiles snapshot_files(const SolverConfig& config, int iteration) {
  const std::string stem = fmt::format("{}_iter_{}", prefix_of(config), iteration);
  return {stem + ".caffemodel", stem + ".solverstate"};
}

void check_snapshot_folder(const SolverConfig& config) {
  fs::path folder = fs::path(prefix_of(config)).parent_path();
  if (folder.empty()) folder = ".";
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

std::string find_model(const SolverState& state, const std::string& state_path) {
  const fs::path beside = fs::path(state_path).parent_path() / fs::path(state.learned_net()).filename();
  std::error_code ignored;
  if (fs::exists(beside, ignored)) return beside.string();
  check(fs::exists(state.learned_net(), ignored), "{}: its model is neither at {} nor at {}", state_path,
        beside.string(), state.learned_net());
  return state.learned_net();
}

}  // namespace crema

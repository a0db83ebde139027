// The two files of a snapshot: PREFIX_iter_N.caffemodel and, written after it, PREFIX_iter_N.solverstate.
#pragma once

#include <string>

#include "config/net_config.h"
#include "crema.pb.h"

namespace crema {

struct SnapshotFiles {
  std::string model, state;
};

// Where the snapshot of an iteration goes. snapshot_prefix is a path from the working directory; where it is absent,
// the solver file's path without its ending takes its place, and a folder gets that file's name inside it.
SnapshotFiles snapshot_files(const SolverConfig& config, int iteration);

// Throws Error, with the place in the solver's text, if no file can be made where snapshots go.
void check_snapshot_folder(const SolverConfig& config);

// Throws Error naming the file if it cannot be read or is no solver state.
SolverState read_state(const std::string& path);

// The model that was written with a state: beside the state, under the name that it had; else where the state says.
// Beside it first, since a run's folder may have been moved or copied, and a later run may have reused the old place.
// Throws Error naming both places if it is in neither.
std::string find_model(const SolverState& state, const std::string& state_path);

}  // namespace crema

// The files of a snapshot: PREFIX_iter_N.caffemodel, with ema_decay PREFIX_iter_N_ema.caffemodel, and, written after
// them, PREFIX_iter_N.solverstate. The one that keep_best keeps is called PREFIX_best_iter_N.
#pragma once

#include <string>

#include "config/net_config.h"
#include "crema.pb.h"
#include "math/algorithms.h"

namespace crema {

struct SnapshotFiles {
  std::string model, average, state;
};

// How the names of all files of a run begin. snapshot_prefix is a path from the working directory; where it is absent,
// the solver file's path without its ending takes its place, and a folder gets that file's name inside it.
std::string snapshot_prefix(const SolverConfig& config);

// Where the snapshot of an iteration goes.
SnapshotFiles snapshot_files(const SolverConfig& config, int iteration, bool best = false);

// Where a run keeps what it says of itself (solvers/metrics.h), and the file that it locks (solvers/run_lock.h).
struct RunFiles {
  std::string rows, events, text, lock;
};
RunFiles run_files(const SolverConfig& config);

// Whether the solver asks for any; for metrics.
bool writes_snapshots(const SolverConfig& config);
bool writes_metrics(const SolverConfig& config);

// Throws Error, with the place in the solver's text, if no file can be made where snapshots and metrics go, or if the
// name of one is longer than the file system allows.
void check_snapshot_folder(const SolverConfig& config);

// The bytes of a state's file. They begin with a seal, a field that Caffe passes over: the checksum and the number of
// all bytes that follow. Throws Error naming `path` above protobuf's 2 GB.
std::string state_bytes(const std::string& path, SolverState state);

// What a state's file holds, without its seal. Throws Error naming the file if it cannot be read, is no solver state,
// or is not as it was written. One without a seal (`sealed`) is Caffe's, or of an earlier crema.
SolverState read_state(const std::string& path, bool* sealed = nullptr);

// Has the store's convolutions computed as those of the run that wrote a state were: a state of ours without choices is
// of a run that took direct ones alone. What Caffe's states leave open is measured.
void give_algorithms(const SolverState& state, Algorithms* store);

// The model that was written with a state: beside the state, under the name that it had; else where the state says.
// Beside it first, since a run's folder may have been moved or copied, and a later run may have reused the old place.
// Throws Error naming both places if it is in neither, and if the file is not the one that was written with the state.
std::string find_model(const SolverState& state, const std::string& state_path);

// The state of the newest of the prefix's snapshots whose state and model are whole; those that are not are warned of.
// "" if there is none, which is warned of, too. Newest is what was written last: another run with this prefix may have
// come further.
std::string latest_state(const SolverConfig& config);

// Removes the prefix's snapshots of lower iterations than `iteration`, but for the newest `keep` - 1 of them: `keep`
// are left with that of `iteration`. Best ones are not touched. What cannot be removed stays.
void remove_older(const SolverConfig& config, int iteration, int keep);

// Removes all of the prefix's best snapshots but that of `iteration`.
void remove_other_best(const SolverConfig& config, int iteration);

// Removes what a process that was killed while it wrote one of the prefix's files has left.
void remove_remains(const SolverConfig& config);

}  // namespace crema

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

// The paths of a run's metrics files (solvers/metrics.h) and of the file that it locks (solvers/run_lock.h).
struct RunFiles {
  std::string rows, events, text, lock;
};
RunFiles run_files(const SolverConfig& config);

// Whether the solver asks for snapshots; whether it asks for metrics.
bool writes_snapshots(const SolverConfig& config);
bool writes_metrics(const SolverConfig& config);

// Throws Error, with the place in the solver's text, if no file can be made in the folder of snapshots and metrics, or
// if a file's name is longer than the file system allows.
void check_snapshot_folder(const SolverConfig& config);

// The bytes of a state's file. They begin with a seal, a field that Caffe skips: the checksum and the number of all
// bytes that follow. Throws Error naming `path` above protobuf's 2 GB.
std::string state_bytes(const std::string& path, SolverState state);

// What a state's file holds, without its seal. Throws Error naming the file if it cannot be read, is no solver state,
// or was changed since it was written. A state without a seal (`sealed`) comes from Caffe or from an earlier crema.
SolverState read_state(const std::string& path, bool* sealed = nullptr);

// Makes the store use the algorithms of the run that wrote the state. A state of crema's without choices comes from a
// run with direct convolutions only. Caffe's states have no choices, so the algorithms are measured.
void give_algorithms(const SolverState& state, Algorithms* store);

// The model that was written with a state: beside the state, under the model's name; else at the path in the state. It
// is searched beside the state first, since a run's folder may have been moved or copied, and a later run may have
// reused the old place. Throws Error naming both places if it is in neither, and if the file is not the one that was
// written with the state.
std::string find_model(const SolverState& state, const std::string& state_path);

// The state of the newest of the prefix's snapshots whose state and model are whole; warns of newer ones that are not.
// If there is none, warns and returns "". The newest is the one that was written last: another run with this prefix may
// have reached a higher iteration.
std::string latest_state(const SolverConfig& config);

// Removes the prefix's snapshots of lower iterations than `iteration`, except for the newest `keep` - 1 of them. So
// `keep` are left, including that of `iteration`. Best ones are not touched. What cannot be removed stays.
void remove_older(const SolverConfig& config, int iteration, int keep);

// Removes all of the prefix's best snapshots except that of `iteration`.
void remove_other_best(const SolverConfig& config, int iteration);

// Removes the temporary files of a process that was killed while it wrote one of the prefix's files.
void remove_remains(const SolverConfig& config);

}  // namespace crema

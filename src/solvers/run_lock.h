// Two trainings with one snapshot_prefix would write over each other's files: the first one holds a lock.
#pragma once

#include <memory>
#include <string>

#include "config/net_config.h"

namespace crema {

// Holds a lock on PREFIX.lock during its lifetime. The lock ends with the process, however that ends.
class RunLock {
 public:
  // Throws Error, with the place in the solver's text, if another run holds the lock (the error names its process), if
  // the file there is not a lock, or if no file can be made. If locking is impossible (a file system without locks, or
  // a full one), a log line says so.
  explicit RunLock(const SolverConfig& config);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  std::string path_;
  int file_ = -1;
};

// Checks that a run's files can be written (check_snapshot_folder()) and locks them. Null for a run that plans to write
// none. Throws Error.
std::shared_ptr<const RunLock> lock_files(const SolverConfig& config);

}  // namespace crema

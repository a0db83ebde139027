// Short runs that show whether a training is worth starting. They write no files.
#pragma once

#include "solvers/solver.h"

namespace crema {

// Two iterations and two batches of each test net, after all checks that a training begins with. False if
// SolverOptions::poll said stop before that was done. Throws Error where it fails.
bool dry_run(SolverConfig config, SolverOptions options);

// The result of training on only a few records.
struct Overfit {
  int iterations;
  double first, last;  // the loss, averaged over all those records, before and after
  bool learned;        // the loss fell to a twentieth of what it was
  bool stopped;        // by SolverOptions::poll, before the result was clear
};

// Trains on the first `records` records until the net has learned them, or for max_iter iterations, or until
// SolverOptions::poll says stop. A net that cannot learn them will not learn from more records. Throws Error.
Overfit overfit(SolverConfig config, SolverOptions options, uint64_t records);

}  // namespace crema

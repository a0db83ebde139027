// Short runs that say whether a training is worth starting. They write no files.
#pragma once

#include "solvers/solver.h"

namespace crema {

// Two iterations and two batches of each test net, after all checks that a training begins with. False if
// SolverOptions::poll said stop before that was done. Throws Error where it fails.
bool dry_run(SolverConfig config, SolverOptions options);

// What came of training on a few records alone.
struct Overfit {
  int iterations;
  double first, last;  // the loss, averaged over all those records, before and after
  bool learned;        // the loss fell to a twentieth of what it was
  bool stopped;        // by SolverOptions::poll, before that was clear
};

// Trains on the first `records` records until the net has learned them, or for max_iter iterations, or until
// SolverOptions::poll says stop. A net that cannot do that will not learn from more. Throws Error.
Overfit overfit(SolverConfig config, SolverOptions options, uint64_t records);

}  // namespace crema

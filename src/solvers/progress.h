// How far a training has come.
#pragma once

namespace crema {

// What is told after each iteration.
struct Progress {
  int iteration;  // that are done
  int max_iter;
  double loss;  // mean over the latest average_loss iterations
  float rate;
  long items;      // records that an iteration takes; 0 if that is not known
  double seconds;  // that iterations have taken so far, tests and snapshots apart
};

}  // namespace crema

// How far a training has come.
#pragma once

namespace crema {

// What is reported after each iteration.
struct Progress {
  int iteration;  // iterations done
  int max_iter;
  double loss;  // mean over the latest average_loss iterations
  float rate;
  long items;      // records that an iteration takes; 0 if that is not known
  double seconds;  // time that iterations have taken so far, without tests and snapshots
};

}  // namespace crema

// How long a net's steps take.
#pragma once

#include <vector>

#include "core/net.h"

namespace crema {

struct Timing {
  int iterations, warm_up;      // passes that count, and those before them that don't
  std::vector<double> step_ms;  // per step of net.steps(): the median over the passes
  double forward_ms = 0;        // of a whole pass: the mean
  double backward_ms = 0;       // 0 if the net has no backward
  double total_ms = 0;          // all passes that count
};

// Runs forward and, in a net that was built for it, backward.
Timing measure(Net& net, int iterations);

// Numbers for Inputs and MemoryData, which nothing else fills: random ones, and zeros where there is one for each
// record, as labels.
void fill_inputs(Net& net);

// What the process has in memory, in bytes: now, and at most so far; 0 where the system does not tell.
long resident_bytes();
long peak_bytes();

}  // namespace crema

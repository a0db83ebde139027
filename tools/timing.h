// How long a net's steps take.
#pragma once

#include <vector>

#include "core/net.h"

namespace crema {

struct Timing {
  int iterations, warm_up;      // passes that are measured, and those before them that are not
  std::vector<double> step_ms;  // per step of net.steps(): the median over the passes
  double forward_ms = 0;        // of a whole pass: the mean
  double backward_ms = 0;       // 0 if the net has no backward
  double total_ms = 0;          // all passes that count
};

// Runs forward and, in a net that was built for it, backward.
Timing measure(Net& net, int iterations);

// Fills Inputs and MemoryData, which nothing else fills: with random numbers, and with zeros where there is one number
// for each record, as for labels.
void fill_inputs(Net& net);

// The memory of the process in bytes: now, and its peak so far; 0 if the system does not report it.
long resident_bytes();
long peak_bytes();

}  // namespace crema

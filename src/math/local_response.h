// Local response normalization:  y = x s^-beta,  s = k + share * the sum of x^2 over a window, and its gradient
// dx = s^-beta dy - 2 beta share x * the sum of dy x s^(-beta - 1) over the same window.  share: alpha / n.
// No two of the arrays may be the same memory.
#pragma once

#include "math/real.h"

namespace crema {

struct LocalResponse {
  bool across = true;  // the window runs over channels; else over the pixels of a plane
  long reach = 0;      // of the window to either side of its middle
  real k = 1, share = 1, beta = 1;
  long records = 0, channels = 0, height = 0, width = 0;
  // How many channels are neighbours in memory: 1 in plain layout, all of them if channels are last, else those of a
  // block. More than 1 is only possible for windows across channels. In padding x is 0, and results stay 0 if k > 0.
  long block = 1;

  long pixels() const { return height * width; }
};

// Numbers that the functions below need for intermediate results.
long local_response_room(const LocalResponse& norm);

void local_response(const LocalResponse& norm, const real* x, real* y, real* room);

// s is computed again: that takes less time than writing it in forward and reading it back.
void local_response_gradient(const LocalResponse& norm, const real* x, const real* dy, real* dx, real* room);

}  // namespace crema

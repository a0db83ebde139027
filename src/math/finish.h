// What is done to the result of a convolution or an inner product before it is written: y = relu(y + other).
#pragma once

#include "math/loops.h"
#include "math/real.h"

namespace crema {

struct Finish {
  bool add = false;   // another array that lies as y does
  bool relu = false;  // x where x > 0, slope x elsewhere
  real slope = 0;

  explicit operator bool() const { return add || relu; }
  bool operator==(const Finish&) const = default;
};

// The same in a pass of its own over n elements; a layout's padding stays zero.
inline void finish_in_loops(const Finish& finish, long n, const real* other, real* y) {
  if (finish.add) for_elements(n, 1, [=](long i) { y[i] += other[i]; });
  if (finish.relu) for_elements(n, 1, [=, slope = finish.slope](long i) { y[i] = y[i] > 0 ? y[i] : slope * y[i]; });
}

}  // namespace crema

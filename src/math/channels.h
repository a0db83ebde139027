// Adds a bias, and computes its gradient, on an array of any layout. Layouts other than plain have their channels at
// axis 1: the split's outer axis is the records.
#pragma once

#include "math/layout.h"
#include "math/loops.h"

namespace crema {

// y[n][c][...] += b[c]; padding stays zero.
void add_to_channels(const AxisSplit& split, Layout layout, const real* b, real* y);

// sums[c] = beta * sums[c] + the sum of dy over all but the channels.
void sum_over_channels(const AxisSplit& split, Layout layout, const real* dy, real beta, real* sums);

}  // namespace crema

// y = e^x / sum e^x along one axis.
#pragma once

#include "math/loops.h"

namespace crema {

// Along the channels of `split`. y may be x. The largest x of each place is subtracted first: no x overflows.
void softmax(const AxisSplit& split, const real* x, real* y);

// The gradient from y and dy:  dx = (dy - sum dy y) y.  dx may be dy.
void softmax_gradient(const AxisSplit& split, const real* y, const real* dy, real* dx);

}  // namespace crema

// y = e^x / sum e^x along one axis.
#pragma once

#include "math/loops.h"

namespace crema {

// Of one row of n numbers. y may be x.
void softmax_row(long n, const real* x, real* y);

// The gradient of one row's x, from the softmax y, the form a of it that was used (some of its numbers dropped, or y
// itself) and the gradient da of that:  dx = a da - y sum(a da).  dx may be da.
void softmax_row_gradient(long n, const real* y, const real* a, const real* da, real* dx);

// Along the channels of `split`. y may be x. The largest x of each place is subtracted first: no x overflows.
void softmax(const AxisSplit& split, const real* x, real* y);

// The gradient from y and dy:  dx = (dy - sum dy y) y.  dx may be dy.
void softmax_gradient(const AxisSplit& split, const real* y, const real* dy, real* dx);

}  // namespace crema

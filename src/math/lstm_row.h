// One time step of an LSTM, for one record: a row of 4 * cells inputs becomes the cells' state c and output h.
//   i, f, o = sigmoid, g = tanh  of the row's four parts, in this order;  c = cont f c_prev + i g;  h = o tanh(c).
#pragma once

#include "math/real.h"

namespace crema {

// gates: i, f, o, g, for the gradient; may be x. A cont of 0 keeps out whatever c_prev holds, NaN included.
void lstm_row(long cells, real cont, const real* c_prev, const real* x, real* gates, real* c, real* h);

// The gradient from dh and dc, where dc is that of c's other readers. dc_prev may be dc.
void lstm_row_gradient(long cells, real cont, const real* c_prev, const real* gates, const real* c, const real* dh,
                       const real* dc, real* dx, real* dc_prev);

}  // namespace crema

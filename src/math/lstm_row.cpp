#include "math/lstm_row.h"

#include "math/simd_exp.h"

namespace crema {

void lstm_row(long cells, real cont, const real* c_prev, const real* x, real* gates, real* c, real* h) {
#pragma omp simd
  for (long k = 0; k < cells; ++k) {
    const real i = simd_sigmoid(x[k]), f = simd_sigmoid(x[cells + k]), o = simd_sigmoid(x[2 * cells + k]);
    const real g = simd_tanh(x[3 * cells + k]);
    const real before = cont * f * c_prev[k];
    const real state = (cont == 0 ? 0 : before) + i * g;
    gates[k] = i;
    gates[cells + k] = f;
    gates[2 * cells + k] = o;
    gates[3 * cells + k] = g;
    c[k] = state;
    h[k] = o * simd_tanh(state);
  }
}

// tanh(c) is computed again: that is as fast as keeping it, and saves an array.
void lstm_row_gradient(long cells, real cont, const real* c_prev, const real* gates, const real* c, const real* dh,
                       const real* dc, real* dx, real* dc_prev) {
#pragma omp simd
  for (long k = 0; k < cells; ++k) {
    const real i = gates[k], f = gates[cells + k], o = gates[2 * cells + k], g = gates[3 * cells + k];
    const real y = simd_tanh(c[k]), d = dc[k] + dh[k] * o * (1 - y * y);
    const real before = cont * c_prev[k];
    dx[k] = d * g * i * (1 - i);
    dx[cells + k] = d * (cont == 0 ? 0 : before) * f * (1 - f);
    dx[2 * cells + k] = dh[k] * y * o * (1 - o);
    dx[3 * cells + k] = d * i * (1 - g * g);
    dc_prev[k] = cont * f * d;
  }
}

}  // namespace crema

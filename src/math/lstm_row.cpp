#include "math/lstm_row.h"

#include <cmath>

namespace crema {
namespace {

inline real sigmoid(real x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

void lstm_row(long cells, real cont, const real* c_prev, const real* x, real* gates, real* c, real* h) {
#pragma omp simd
  for (long k = 0; k < cells; ++k) {
    const real i = sigmoid(x[k]), f = sigmoid(x[cells + k]), o = sigmoid(x[2 * cells + k]);
    const real g = std::tanh(x[3 * cells + k]);
    const real kept = cont == 0 ? 0 : cont * f * c_prev[k];
    const real state = kept + i * g;
    gates[k] = i;
    gates[cells + k] = f;
    gates[2 * cells + k] = o;
    gates[3 * cells + k] = g;
    c[k] = state;
    h[k] = o * std::tanh(state);
  }
}

// tanh(c) is computed anew: as fast as to keep it, and an array less.
void lstm_row_gradient(long cells, real cont, const real* c_prev, const real* gates, const real* c, const real* dh,
                       const real* dc, real* dx, real* dc_prev) {
#pragma omp simd
  for (long k = 0; k < cells; ++k) {
    const real i = gates[k], f = gates[cells + k], o = gates[2 * cells + k], g = gates[3 * cells + k];
    const real y = std::tanh(c[k]), d = dc[k] + dh[k] * o * (1 - y * y);
    const real before = cont == 0 ? 0 : cont * c_prev[k];
    dx[k] = d * g * i * (1 - i);
    dx[cells + k] = d * before * f * (1 - f);
    dx[2 * cells + k] = dh[k] * y * o * (1 - o);
    dx[3 * cells + k] = d * i * (1 - g * g);
    dc_prev[k] = cont * f * d;
  }
}

}  // namespace crema

#include "math/softmax.h"

#include <cmath>

#include "math/place_tiles.h"

namespace crema {

void softmax(const AxisSplit& split, const real* x, real* y) {
  const auto [outer, channels, inner] = split;
  if (split.count() == 0) return;
  for_tiles(split, 12, [&](long, long base, long width) {
    real largest[kTile];
    double sums[kTile] = {};
    for (long k = 0; k < width; ++k) largest[k] = x[base + k];
    for (long c = 1; c < channels; ++c) {
      for (long k = 0; k < width; ++k) largest[k] = std::max(largest[k], x[base + c * inner + k]);
    }
    for (long c = 0; c < channels; ++c) {
      for (long k = 0; k < width; ++k) {
        const long i = base + c * inner + k;
        y[i] = std::exp(x[i] - largest[k]);
        sums[k] += y[i];
      }
    }
    for (long c = 0; c < channels; ++c) {
      for (long k = 0; k < width; ++k) y[base + c * inner + k] /= static_cast<real>(sums[k]);
    }
  });
}

void softmax_gradient(const AxisSplit& split, const real* y, const real* dy, real* dx) {
  const auto [outer, channels, inner] = split;
  for_tiles(split, 4, [&](long, long base, long width) {
    double sums[kTile] = {};
    for (long c = 0; c < channels; ++c) {
      for (long k = 0; k < width; ++k) {
        const long i = base + c * inner + k;
        sums[k] += static_cast<double>(dy[i]) * y[i];
      }
    }
    for (long c = 0; c < channels; ++c) {
#pragma omp simd
      for (long k = 0; k < width; ++k) {
        const long i = base + c * inner + k;
        dx[i] = (dy[i] - static_cast<real>(sums[k])) * y[i];
      }
    }
  });
}

}  // namespace crema

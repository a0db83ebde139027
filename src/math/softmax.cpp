#include "math/softmax.h"

#include <cmath>

namespace crema {
namespace {

// Places that are treated at once, so that the innermost loop runs over neighbours in memory.
constexpr long kTile = 64;

// Calls body(base, width) for tiles that cover all places: element `base + c * inner + k` belongs to channel c of the
// tile's k-th place, k < width.
template <typename Body>
void for_tiles(const AxisSplit& split, long cost, const Body& body) {
  const long tiles = (split.inner + kTile - 1) / kTile;
  parallel_for(split.outer * tiles, cost * split.channels * std::min(split.inner, kTile), [&](long begin, long end) {
    for (long t = begin; t < end; ++t) {
      const long first = t % tiles * kTile;
      body(t / tiles * split.channels * split.inner + first, std::min(kTile, split.inner - first));
    }
  });
}

}  // namespace

void softmax(const AxisSplit& split, const real* x, real* y) {
  const auto [outer, channels, inner] = split;
  if (split.count() == 0) return;
  for_tiles(split, 12, [&](long base, long width) {
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
  for_tiles(split, 4, [&](long base, long width) {
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

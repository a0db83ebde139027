#include "math/softmax.h"

#include <cmath>

#include "math/place_tiles.h"
#include "math/simd_exp.h"

namespace crema {
namespace {

constexpr long kSum = 512;  // so many numbers are added up in real; the sums of these are added in double

// e^x for x <= 0; 0 for x at which simd_exp() returns its least value.
real power(real x) {
  constexpr real kLeast = sizeof(real) == sizeof(float) ? real{-87.3f} : real{-708};
  const real e = simd_exp(x);
  return x < kLeast ? 0 : e;
}

real largest_of(long n, const real* x) {
  real largest = x[0];
#pragma omp simd reduction(max : largest)
  for (long i = 0; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

// Calls body(row) for each row; a row has one number for each channel.
template <typename Body>
void for_rows(const AxisSplit& split, long cost, const Body& body) {
  parallel_for(split.outer, cost * split.channels, [&](long begin, long end) {
    for (long row = begin; row < end; ++row) body(row * split.channels);
  });
}

}  // namespace

void softmax_row(long n, const real* x, real* y) {
  if (n == 0) return;
  const real largest = largest_of(n, x);
  double total = 0;
  for (long first = 0; first < n; first += kSum) {
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (long i = first; i < std::min(n, first + kSum); ++i) {
      const real e = power(x[i] - largest);
      y[i] = e;
      sum += e;
    }
    total += static_cast<double>(sum);
  }
  const real factor = static_cast<real>(1 / total);
#pragma omp simd
  for (long i = 0; i < n; ++i) y[i] *= factor;
}

void softmax_row_gradient(long n, const real* y, const real* a, const real* da, real* dx) {
  double total = 0;
  for (long first = 0; first < n; first += kSum) {
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (long i = first; i < std::min(n, first + kSum); ++i) sum += da[i] * a[i];
    total += static_cast<double>(sum);
  }
  const real sum = static_cast<real>(total);
#pragma omp simd
  for (long i = 0; i < n; ++i) dx[i] = da[i] * a[i] - y[i] * sum;
}

void softmax(const AxisSplit& split, const real* x, real* y) {
  const long channels = split.channels, inner = split.inner;
  if (split.count() == 0) return;
  if (inner == 1) {
    return for_rows(split, 6, [&, channels = channels](long at) { softmax_row(channels, x + at, y + at); });
  }
  for_tiles(split, 6, [&, channels = channels, inner = inner](long, long base, long width) {
    real largest[kTile];
    double sums[kTile] = {};
    std::copy_n(x + base, width, largest);
    for (long c = 1; c < channels; ++c) {
      const real* from = x + base + c * inner;
#pragma omp simd
      for (long k = 0; k < width; ++k) largest[k] = from[k] > largest[k] ? from[k] : largest[k];
    }
    for (long c = 0; c < channels; ++c) {
      const real* from = x + base + c * inner;
      real* to = y + base + c * inner;
#pragma omp simd
      for (long k = 0; k < width; ++k) {
        const real e = power(from[k] - largest[k]);
        to[k] = e;
        sums[k] += static_cast<double>(e);
      }
    }
    real factors[kTile];
    for (long k = 0; k < width; ++k) factors[k] = static_cast<real>(1 / sums[k]);
    for (long c = 0; c < channels; ++c) {
      real* to = y + base + c * inner;
#pragma omp simd
      for (long k = 0; k < width; ++k) to[k] *= factors[k];
    }
  });
}

void softmax_gradient(const AxisSplit& split, const real* y, const real* dy, real* dx) {
  const long channels = split.channels, inner = split.inner;
  if (split.count() == 0) return;
  if (inner == 1) {
    return for_rows(split, 2, [&, channels = channels](long at) {
      const real *own = y + at, *slope = dy + at;
      const real mean = static_cast<real>(sum(0, channels, [=](long i) { return slope[i] * own[i]; }));
#pragma omp simd
      for (long i = 0; i < channels; ++i) dx[at + i] = (slope[i] - mean) * own[i];
    });
  }
  for_tiles(split, 2, [&, channels = channels, inner = inner](long, long base, long width) {
    double sums[kTile] = {};
    for (long c = 0; c < channels; ++c) {
      const real *own = y + base + c * inner, *slope = dy + base + c * inner;
#pragma omp simd
      for (long k = 0; k < width; ++k) sums[k] += static_cast<double>(slope[k]) * static_cast<double>(own[k]);
    }
    real means[kTile];
    for (long k = 0; k < width; ++k) means[k] = static_cast<real>(sums[k]);
    for (long c = 0; c < channels; ++c) {
      const real *own = y + base + c * inner, *slope = dy + base + c * inner;
      real* to = dx + base + c * inner;
#pragma omp simd
      for (long k = 0; k < width; ++k) to[k] = (slope[k] - means[k]) * own[k];
    }
  });
}

}  // namespace crema

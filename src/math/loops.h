// Loops over plain arrays on all cores: element by element, channel by channel, and sums.
//
// Sums are added in an order that does not depend on the number of threads: in blocks that keep the precision of real
// for any length, and across blocks in double.
#pragma once

#include <algorithm>

#include "base/parallel.h"
#include "math/real.h"
#include "math/shape.h"

namespace crema {

// A shape seen as outer x channels x inner: (N, C, H * W) for the channels of images.
struct AxisSplit {
  long outer = 1, channels = 1, inner = 1;

  AxisSplit() = default;
  // The channels are the `axes` axes from `axis` on.
  AxisSplit(const Shape& shape, int axis, int axes = 1)
      : outer(shape.count(0, axis)), channels(shape.count(axis, axis + axes)), inner(shape.count_from(axis + axes)) {}

  long count() const { return outer * channels * inner; }
};

// Calls f(i) for each i < n; no call may depend on another. `cost`: see parallel_for.
template <typename F>
void for_elements(long n, long cost, const F& f) {
  parallel_for(n, cost, [&](long begin, long end) {
    const F local = f;  // in registers: no store through a pointer of f can reach what f captured
#pragma omp simd
    for (long i = begin; i < end; ++i) local(i);
  });
}

// y = x, if they are not the same memory.
inline void copy_elements(long n, const real* x, real* y) {
  if (x == y) return;
  parallel_for(n, 1, [&](long begin, long end) { std::copy(x + begin, x + end, y + begin); });
}

// Calls f(c, i) for each element i of channel c, in the same way as for_elements().
template <typename F>
void for_channels(const AxisSplit& split, long cost, const F& f) {
  const long outer = split.outer, channels = split.channels, inner = split.inner;
  if (inner == 1) {
    parallel_for(channels, outer * cost, [&](long begin, long end) {
      const F local = f;
      for (long row = 0; row < outer; ++row) {
#pragma omp simd
        for (long c = begin; c < end; ++c) local(c, row * channels + c);
      }
    });
    return;
  }
  parallel_for(outer * channels, inner * cost, [&](long begin, long end) {
    const F local = f;
    for (long row = begin; row < end; ++row) {
      const long c = row % channels;
#pragma omp simd
      for (long i = row * inner; i < (row + 1) * inner; ++i) local(c, i);
    }
  });
}

// The sum of term(i) over begin <= i < end.
template <typename Term>
double sum(long begin, long end, const Term& term) {
  constexpr long kLanes = 16, kBlock = 32 * kLanes;
  double total = 0;
  for (long block = begin; block < end; block += kBlock) {
    const long stop = std::min(end, block + kBlock);
    real lanes[kLanes] = {};
    long i = block;
    for (; i + kLanes <= stop; i += kLanes) {
      for (long k = 0; k < kLanes; ++k) lanes[k] += term(i + k);
    }
    for (long k = 0; i < stop; ++i, ++k) lanes[k] += term(i);
    double block_sum = 0;
    for (const real lane : lanes) block_sum += lane;
    total += block_sum;
  }
  return total;
}

// The same over 0 <= i < n, on all cores.
template <typename Term>
double parallel_sum(long n, long cost, const Term& term) {
  constexpr long kParts = 64;
  double parts[kParts];
  parallel_for(kParts, n * cost / kParts, [&](long begin, long end) {
    for (long p = begin; p < end; ++p) parts[p] = sum(n * p / kParts, n * (p + 1) / kParts, term);
  });
  double total = 0;
  for (const double part : parts) total += part;
  return total;
}

// Calls done(c, s) for each channel c with the sum s of term(c, i) over the channel's elements i.
// `partial`: room for outer * channels numbers.
template <typename Term, typename Done>
void reduce_channels(const AxisSplit& split, real* partial, const Term& term, const Done& done) {
  const long outer = split.outer, channels = split.channels, inner = split.inner;
  if (inner == 1) {
    constexpr long kTile = 16;
    parallel_for((channels + kTile - 1) / kTile, outer * kTile, [&](long begin, long end) {
      for (long first = begin * kTile; first < std::min(channels, end * kTile); first += kTile) {
        const long width = std::min(kTile, channels - first);
        double sums[kTile] = {};
        for (long row = 0; row < outer; ++row) {
          for (long k = 0; k < width; ++k) sums[k] += term(first + k, row * channels + first + k);
        }
        for (long k = 0; k < width; ++k) done(first + k, sums[k]);
      }
    });
    return;
  }
  parallel_for(outer * channels, inner, [&](long begin, long end) {
    for (long row = begin; row < end; ++row) {
      const long c = row % channels;
      partial[row] = static_cast<real>(sum(row * inner, (row + 1) * inner, [&](long i) { return term(c, i); }));
    }
  });
  parallel_for(channels, outer, [&](long begin, long end) {
    for (long c = begin; c < end; ++c) {
      double total = 0;
      for (long row = 0; row < outer; ++row) total += partial[row * channels + c];
      done(c, total);
    }
  });
}

}  // namespace crema

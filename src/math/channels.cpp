#include "math/channels.h"

#include "base/parallel.h"
#include "math/blas.h"
#include "math/loops.h"

namespace crema {
namespace {

// How plain arrays and those with the channels last lie in memory.
AxisSplit rows(AxisSplit split, Layout layout) {
  if (layout == Layout::channels_last) {
    split.outer *= split.inner;
    split.inner = 1;
  }
  return split;
}

// Arrays in blocked layouts: (records, blocks, positions, block_size).
struct Blocked {
  long records, channels, positions, size;

  Blocked(const AxisSplit& split, Layout layout)
      : records(split.outer), channels(split.channels), positions(split.inner), size(block_size(layout)) {}

  long blocks() const { return (channels + size - 1) / size; }
  long begin(long record, long block) const { return (record * blocks() + block) * positions * size; }
  long width(long block) const { return std::min(size, channels - block * size); }
};

}  // namespace

void add_to_channels(const AxisSplit& split, Layout layout, const real* b, real* y) {
  if (block_size(layout) == 1) {
    return for_channels(rows(split, layout), 1, [=](long c, long i) { y[i] += b[c]; });
  }
  const Blocked a(split, layout);
  parallel_for(a.records * a.blocks(), a.positions * a.size, [&](long first, long last) {
    for (long k = first; k < last; ++k) {
      const long block = k % a.blocks(), width = a.width(block);
      real* to = y + a.begin(k / a.blocks(), block);
      for (long p = 0; p < a.positions; ++p, to += a.size) {
        for (long c = 0; c < width; ++c) to[c] += b[block * a.size + c];
      }
    }
  });
}

void sum_over_channels(const AxisSplit& split, Layout layout, const real* dy, real beta, real* sums) {
  if (block_size(layout) == 1) {
    const auto [outer, channels, inner] = rows(split, layout);
    return sum_channels(outer, channels, inner, dy, beta, sums);
  }
  const Blocked a(split, layout);
  parallel_for(a.blocks(), a.records * a.positions * a.size, [&](long first, long last) {
    constexpr long kMaxSize = 16;
    for (long block = first; block < last; ++block) {
      double total[kMaxSize] = {};
      for (long n = 0; n < a.records; ++n) {
        const real* from = dy + a.begin(n, block);
        for (long p = 0; p < a.positions; ++p, from += a.size) {
          for (long c = 0; c < a.size; ++c) total[c] += from[c];
        }
      }
      for (long c = 0; c < a.width(block); ++c) {
        real& sum = sums[block * a.size + c];
        sum = static_cast<real>(total[c]) + (beta == 0 ? 0 : beta * sum);  // 0 * NaN is none
      }
    }
  });
}

}  // namespace crema

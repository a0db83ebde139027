// Loops over the places of outer x channels x inner that take several neighbouring places through all channels
// together.
#pragma once

#include "math/loops.h"

namespace crema {

// Places that are treated at once, so that the innermost loop runs over neighbours in memory.
inline constexpr long kTile = 64;

// Calls body(place, base, width) for tiles that cover all places: the tile holds the places from `place` on, and
// element `base + c * inner + k` belongs to channel c of the tile's k-th place, k < width. `cost`: of one element.
template <typename Body>
void for_tiles(const AxisSplit& split, long cost, const Body& body) {
  const long tiles = (split.inner + kTile - 1) / kTile;
  parallel_for(split.outer * tiles, cost * split.channels * std::min(split.inner, kTile), [&](long begin, long end) {
    for (long t = begin; t < end; ++t) {
      const long row = t / tiles, first = t % tiles * kTile;
      body(row * split.inner + first, row * split.channels * split.inner + first, std::min(kTile, split.inner - first));
    }
  });
}

}  // namespace crema

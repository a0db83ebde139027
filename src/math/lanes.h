// Sixteen numbers as one value: for loops in which the compiler would otherwise keep sums in memory.
#pragma once

#include <cstring>

#include "math/real.h"

// Functions with such arguments are inlined, or at least never called from objects that were compiled with other
// options.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace crema {

inline constexpr long kLanes = 16;
using Lanes [[gnu::vector_size(kLanes * sizeof(real))]] = real;
using WideLanes [[gnu::vector_size(kLanes * sizeof(double))]] = double;

inline Lanes load_lanes(const real* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

inline void store_lanes(const Lanes& lanes, real* to) { std::memcpy(to, &lanes, sizeof lanes); }

inline WideLanes widen(const Lanes& lanes) { return __builtin_convertvector(lanes, WideLanes); }

inline Lanes equal_lanes(real value) { return Lanes{} + value; }

}  // namespace crema

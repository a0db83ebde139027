// Many products of matrices at once.
#pragma once

#include "base/parallel.h"

namespace crema {

// Calls f(i) for each i < n, where each call computes products of matrices that take so many multiplications: side by
// side on all cores, each on one; or, where there are fewer than cores and they are large, one after the other, each on
// all cores.
template <typename F>
void for_products(long n, double multiplications, const F& f) {
  constexpr double kLarge = 1 << 20, kAtOnce = 16;  // multiply-adds that a core does at once
  if (n < omp_get_max_threads() && multiplications >= kLarge) {
    for (long i = 0; i < n; ++i) f(i);
    return;
  }
  parallel_for(n, static_cast<long>(multiplications / kAtOnce), [&](long begin, long end) {
    for (long i = begin; i < end; ++i) f(i);
  });
}

}  // namespace crema

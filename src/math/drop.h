// What dropout does with an array: each number becomes 0 with probability `ratio`, else it is divided by 1 - ratio.
#pragma once

#include "base/random.h"
#include "math/real.h"

namespace crema {

class Drop {
 public:
  // ratio: at least 0, below 1.
  Drop(const Random& numbers, float ratio);

  // For n elements, `step` apart; the first takes the random number `first`. y may be x.
  void operator()(long first, long n, const real* x, real* y, long step = 1) const;

  // For n adjacent elements, which take the numbers from 0 on; on all cores.
  void all(long n, const real* x, real* y) const;

 private:
  Random numbers_;
  uint32_t threshold_;
  real scale_;
};

}  // namespace crema

// The normal distribution's function and density for loops over many numbers, without calls and branches, so that
// compilers vectorize them. In float their relative error is below 1e-6 for |x| <= 13, also where they are small.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "math/simd_exp.h"

namespace crema {

struct Normal {
  real below;    // P(X <= x)
  real density;  // e^(-x^2 / 2) / sqrt(2 pi)
};

// In double, for gradient checks, the library's.
inline Normal simd_normal_of(double x) {
  const double root_half = 1 / std::numbers::sqrt2, density = std::numbers::inv_sqrtpi * root_half;
  return {static_cast<real>(std::erfc(-x * root_half) / 2), static_cast<real>(density * std::exp(-x * x / 2))};
}

// P(X <= -a) = e^(-a^2 / 2) t q(t)  with  t = 1 / (1 + a / 4),  for a >= 0;  q: the polynomial of least error for
// a <= 14. The square is taken in two parts, since e^ makes an absolute error of its argument a relative one.
inline Normal simd_normal_of(float x) {
  const float size = std::abs(x), a = size > 14 ? 14 : size;                          // NaN stays NaN
  const float high = std::bit_cast<float>(std::bit_cast<uint32_t>(a) & 0xfffff000u);  // whose square is exact
  const float low = (a - high) * (a + high) / -2, series = 1 + low * (1 + low * (1.f / 2 + low * (1.f / 6)));
  const float power = simd_exp(high * high / -2) * series, t = 1 / (1 + a / 4);
  float q = 0.028784736f;
  q = q * t - 0.167508098f;
  q = q * t + 0.326081636f;
  q = q * t - 0.239553376f;
  q = q * t + 0.22472243f;
  q = q * t + 0.0233047751f;
  q = q * t + 0.1061683f;
  q = q * t + 0.0981827782f;
  q = q * t + 0.0998168107f;
  const float tail = power * t * q;
  return {x > 0 ? 1 - tail : tail, power * 0.398942280f};
}

inline Normal simd_normal(real x) { return simd_normal_of(x); }

}  // namespace crema

// exp, sigmoid, tanh and a logarithm for loops over many numbers: without calls and branches, so that compilers
// vectorize them. In float their relative error is below 2e-7, also near 0; exp of whatever is not NaN is finite and
// above 0.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "math/real.h"

namespace crema {

// In double, for gradient checks, the library's.
inline double simd_exp(double x) { return std::exp(x); }
inline double simd_expm1(double x) { return std::expm1(x); }
inline double simd_log1p(double u) { return std::log1p(u); }

namespace simd_exp_detail {

// e^x = scale (1 + rest), with scale a power of two and rest = e^r - 1 for the r that is left, |r| <= ln(2) / 2.
struct Parts {
  float scale, rest;
};

inline Parts parts(float x) {
  constexpr float kLow = -87.3f, kHigh = 88.3f;               // powers of two that are normal numbers
  constexpr float kLog2e = 1.44269504f, kRound = 12582912.f;  // adding 1.5 * 2^23 leaves a whole number in the low bits
  constexpr float kLn2High = 355.f / 512, kLn2Low = -2.12194440e-4f;         // n * kLn2High is exact
  const float low = x < kLow ? kLow : x, bound = low > kHigh ? kHigh : low;  // NaN stays NaN
  const float shifted = bound * kLog2e + kRound, n = shifted - kRound;
  const float r = (bound - n * kLn2High) - n * kLn2Low;
  const float series = 1.f / 2 + r * (1.f / 6 + r * (1.f / 24 + r * (1.f / 120 + r * (1.f / 720 + r * (1.f / 5040)))));
  const uint32_t bits = (std::bit_cast<uint32_t>(shifted) << 23) + 0x3f800000u;
  return {std::bit_cast<float>(bits), r + r * r * series};
}

}  // namespace simd_exp_detail

inline float simd_exp(float x) {
  const auto [scale, rest] = simd_exp_detail::parts(x);
  return scale + scale * rest;
}

inline float simd_expm1(float x) {
  const auto [scale, rest] = simd_exp_detail::parts(x);
  return scale * rest + (scale - 1);
}

// ln(1 + u) for 0 <= u <= 1, by the series of 2 artanh(t) at t = u / (u + 2) <= 1 / 3.
inline float simd_log1p(float u) {
  const float t = u / (u + 2), z = t * t;
  const float series = 1.f / 3 + z * (1.f / 5 + z * (1.f / 7 + z * (1.f / 9 + z * (1.f / 11 + z * (1.f / 13)))));
  return 2 * (t + t * z * series);
}

inline real simd_sigmoid(real x) { return 1 / (1 + simd_exp(-x)); }

// (e^2x - 1) / (e^2x + 1), without cancellation near 0.
inline real simd_tanh(real x) {
  const real bound = x < -20 ? real{-20} : x > 20 ? real{20} : x;
  const real e = simd_expm1(2 * bound);
  return e / (e + 2);
}

}  // namespace crema

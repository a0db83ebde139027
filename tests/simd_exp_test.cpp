// exp, sigmoid and tanh for vectorized loops, against the library's in double.
#include "math/simd_normal.h"

#include <gtest/gtest.h>

#include <functional>

namespace crema {
namespace {

void expect_near(const char* what, real (*f)(real), double (*expected)(double), double low, double high) {
  double worst = 0, at = 0;
  const auto look = [&](double x) {
    const real argument = static_cast<real>(x);
    const double right = expected(argument), error = std::abs(f(argument) - right) / std::abs(right);
    if (!(error <= worst)) worst = error, at = x;
  };
  for (int i = 0; i <= 100000; ++i) look(low + (high - low) * i / 100000);
  for (double x = 1e-30; x < high; x *= 1.01) {
    look(x);
    if (-x > low) look(-x);
  }
  EXPECT_LT(worst, 2e-7) << what << " at " << at;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// The normal distribution's, with x where they are taken at its place in float.
double normal_below(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }
double normal_density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * M_PI); }

TEST(SimdExp, is_as_precise_as_float) {
  expect_near(
      "exp", [](real x) { return simd_exp(x); }, std::exp, -87, 88);
  expect_near(
      "expm1", [](real x) { return simd_expm1(x); }, std::expm1, -87, 88);
  expect_near("sigmoid", simd_sigmoid, sigmoid, -80, 80);
  expect_near("tanh", simd_tanh, std::tanh, -100, 100);
}

TEST(SimdExp, logarithm_and_normal_distribution_are_precise_where_they_are_small) {
  for (float x = 1e-30f; x <= 1; x *= 1.003f) EXPECT_NEAR(simd_log1p(x) / std::log1p(static_cast<double>(x)), 1, 2e-7);
  for (float x = -13; x <= 13; x += 0.001f) {
    const Normal normal = simd_normal(x);
    EXPECT_NEAR(static_cast<double>(normal.below) / normal_below(x), 1, 1e-6) << x;
    EXPECT_NEAR(static_cast<double>(normal.density) / normal_density(x), 1, 1e-6) << x;
  }
  EXPECT_TRUE(std::isnan(simd_normal(NAN).below));
  EXPECT_TRUE(std::isnan(simd_normal(NAN).density));
  EXPECT_TRUE(std::isnan(simd_log1p(std::nanf(""))));
}

TEST(SimdExp, has_ends) {
  EXPECT_EQ(simd_exp(real{0}), 1);
  EXPECT_EQ(simd_tanh(real{0}), 0);
  EXPECT_EQ(simd_tanh(-INFINITY), -1);
  EXPECT_EQ(simd_tanh(INFINITY), 1);
  EXPECT_EQ(simd_sigmoid(INFINITY), 1);
  EXPECT_LT(simd_sigmoid(-INFINITY), 1e-37);
  EXPECT_GT(simd_exp(real{-1e30f}), 0);
  EXPECT_TRUE(std::isfinite(simd_exp(real{1e30f})));
  EXPECT_TRUE(std::isnan(simd_exp(real{NAN})));
  EXPECT_TRUE(std::isnan(simd_sigmoid(NAN)));
  EXPECT_TRUE(std::isnan(simd_tanh(NAN)));
}

}  // namespace
}  // namespace crema

// exp, sigmoid and tanh for vectorized loops, against the library's in double.
#include "math/simd_exp.h"

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

TEST(SimdExp, is_as_precise_as_float) {
  expect_near(
      "exp", [](real x) { return simd_exp(x); }, std::exp, -87, 88);
  expect_near(
      "expm1", [](real x) { return simd_expm1(x); }, std::expm1, -87, 88);
  expect_near("sigmoid", simd_sigmoid, sigmoid, -80, 80);
  expect_near("tanh", simd_tanh, std::tanh, -100, 100);
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

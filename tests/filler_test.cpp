// Fillers: exact values if the filler is not random, else mean, variance and range over many numbers; and what they
// refuse.
#include "core/filler.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "support/messages.h"

namespace crema {
namespace {

std::vector<float> filled(const std::string& text, const Shape& shape, uint64_t seed = 1) {
  FillerParameter filler;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &filler)) << text;
  std::vector<float> x(static_cast<size_t>(shape.count()), -77);
  fill(filler, shape, Random(seed, "filler", "test"), x.data());
  return x;
}

struct Statistics {
  double mean = 0, variance = 0, smallest = 0, largest = 0;

  explicit Statistics(const std::vector<float>& x) {
    const auto n = static_cast<double>(x.size());
    mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
    for (const float value : x) variance += (value - mean) * (value - mean) / n;
    smallest = *std::min_element(x.begin(), x.end());
    largest = *std::max_element(x.begin(), x.end());
  }
};

// 120,000 numbers: means are within 0.02 deviations, variances within 2 %, and ranges are used to the last percent.
const Shape kMany{200, 30, 4, 5};

void expect_uniform(const std::string& text, const Shape& shape, double low, double high) {
  SCOPED_TRACE(text);
  const Statistics s(filled(text, shape));
  const double variance = (high - low) * (high - low) / 12;
  EXPECT_NEAR(s.mean, (low + high) / 2, 0.02 * std::sqrt(variance));
  EXPECT_NEAR(s.variance, variance, 0.02 * variance);
  EXPECT_GE(s.smallest, low - 1e-6);
  EXPECT_LE(s.largest, high + 1e-6);
  EXPECT_LT(s.smallest, low + 0.01 * (high - low));
  EXPECT_GT(s.largest, high - 0.01 * (high - low));
}

void expect_gaussian(const std::string& text, const Shape& shape, double mean, double variance) {
  SCOPED_TRACE(text);
  const auto x = filled(text, shape);
  const Statistics s(x);
  const double deviation = std::sqrt(variance);
  EXPECT_NEAR(s.mean, mean, 0.02 * deviation);
  EXPECT_NEAR(s.variance, variance, 0.02 * variance);
  const auto inside = std::count_if(x.begin(), x.end(), [&](float v) { return std::abs(v - mean) < deviation; });
  EXPECT_NEAR(static_cast<double>(inside) / static_cast<double>(x.size()), 0.6827, 0.01) << "within one deviation";
}

TEST(Filler, Constant) {
  EXPECT_EQ(filled("", {2, 2}), std::vector<float>({0, 0, 0, 0}));
  EXPECT_EQ(filled("type: 'constant' value: -1.5", {3}), std::vector<float>({-1.5, -1.5, -1.5}));
  EXPECT_EQ(filled("value: 2", {}), std::vector<float>({2}));
}

TEST(Filler, Uniform) {
  expect_uniform("type: 'uniform'", kMany, 0, 1);
  expect_uniform("type: 'uniform' min: -3 max: -1", kMany, -3, -1);
}

TEST(Filler, Gaussian) {
  expect_gaussian("type: 'gaussian'", kMany, 0, 1);
  expect_gaussian("type: 'gaussian' mean: 3 std: 0.1", kMany, 3, 0.01);
}

TEST(Filler, SparseGaussianKeepsSoManyOfTheOutputs) {
  const auto x = filled("type: 'gaussian' std: 2 sparse: 20", kMany);
  std::vector<float> kept;
  std::copy_if(x.begin(), x.end(), std::back_inserter(kept), [](float v) { return v != 0; });
  EXPECT_NEAR(static_cast<double>(kept.size()) / static_cast<double>(x.size()), 20.0 / 200, 0.005);
  EXPECT_NEAR(Statistics(kept).variance, 4, 0.2);
}

// n: 30 * 4 * 5 inputs of each output, 200 * 4 * 5 outputs of each input.
TEST(Filler, Xavier) {
  expect_uniform("type: 'xavier'", kMany, -std::sqrt(3 / 600.0), std::sqrt(3 / 600.0));
  expect_uniform("type: 'xavier' variance_norm: FAN_OUT", kMany, -std::sqrt(3 / 4000.0), std::sqrt(3 / 4000.0));
  expect_uniform("type: 'xavier' variance_norm: AVERAGE", kMany, -std::sqrt(3 / 2300.0), std::sqrt(3 / 2300.0));
}

TEST(Filler, Msra) {
  expect_gaussian("type: 'msra'", kMany, 0, 2 / 600.0);
  expect_gaussian("type: 'msra' variance_norm: FAN_OUT", kMany, 0, 2 / 4000.0);
  expect_gaussian("type: 'msra' variance_norm: AVERAGE", kMany, 0, 2 / 2300.0);
}

TEST(Filler, PositiveUnitballSumsToOneForEachOutput) {
  const auto x = filled("type: 'positive_unitball'", {4, 5, 6});
  for (size_t row = 0; row < 4; ++row) {
    const auto begin = x.begin() + static_cast<long>(row) * 30;
    EXPECT_NEAR(std::accumulate(begin, begin + 30, 0.0), 1, 1e-6);
    EXPECT_GT(*std::min_element(begin, begin + 30), 0);
  }
  EXPECT_NE(x[0], x[30]);
}

TEST(Filler, BilinearIsATent) {
  const std::vector<float> line = {0.25, 0.75, 0.75, 0.25};
  const auto x = filled("type: 'bilinear'", {2, 1, 4, 4});
  for (size_t i = 0; i < x.size(); ++i) EXPECT_FLOAT_EQ(x[i], line[i % 4] * line[i / 4 % 4]) << i;
  EXPECT_EQ(filled("type: 'bilinear'", {1, 1, 3, 3}),
            std::vector<float>({0.25, 0.5, 0.25, 0.5, 1, 0.5, 0.25, 0.5, 0.25}));
}

TEST(Filler, DependsOnSeedAndNotOnThreads) {
  for (const std::string type : {"uniform", "gaussian", "xavier", "msra", "positive_unitball"}) {
    const std::string text = "type: '" + type + "'";
    const auto x = filled(text, kMany);
    EXPECT_NE(filled(text, kMany, 2), x) << type;
    for (const int threads : {1, 3}) {
      const ThreadScope scope(threads);
      EXPECT_EQ(filled(text, kMany), x) << type << ", " << threads << " threads";
    }
  }
}

TEST(Filler, RefusesWhatMakesNoSense) {
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"type: 'gausian'", "filler type \"gausian\" is unknown; did you mean \"gaussian\"?"},
      {"type: 'uniform' min: 2 max: 1", "filler \"uniform\": min 2 must not be above max 1"},
      {"type: 'gaussian' std: -1", "filler \"gaussian\": std is -1; it must not be negative"},
      {"type: 'gaussian' sparse: -2", "filler: sparse is -2; it must be -1 (off) or more"},
      {"type: 'gaussian' sparse: 3", "filler: sparse is 3, more than the 2 outputs (axis 0 of 2 2)"},
      {"type: 'uniform' sparse: 1", "filler \"uniform\" has no sparse form; \"gaussian\" has"},
      {"type: 'bilinear'", "filler \"bilinear\" is for square kernels (4 axes); the shape is 2 2"},
  };
  for (const auto& row : refused) EXPECT_EQ(message_of([&] { filled(row.first, {2, 2}); }), row.second);
  EXPECT_EQ(message_of([&] { filled("type: 'xavier'", {}); }),
            "filler \"xavier\" needs at least one axis; the shape is a scalar");
}

}  // namespace
}  // namespace crema

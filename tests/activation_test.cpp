// Elementwise functions far from 0, where a formula may overflow, cancel or hide a NaN; and the settings that their
// layers refuse.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

// y of a layer at some x, and dy/dx where it has a backward.
struct Curve {
  std::vector<float> y, slope;
};

Curve curve_of(const std::string& layer, const std::vector<float>& x) {
  NetOptions options;
  options.output_diffs = {"y"};
  const auto net = net_of("force_backward: true " + input_text("x", {1, static_cast<long>(x.size())}) +
                              "layer { name: 'L' bottom: 'x' top: 'y' " + layer + " }",
                          options);
  set_input(*net, "x", x);
  net->forward();
  const Blob &input = net->input("x"), &y = net->value("y");
  Curve curve{{y.data(), y.data() + y.count()}, {}};
  if (!net->layer(net->layer_index("L")).contract().has_backward) return curve;
  std::fill_n(net->output_diff("y").mutable_diff(), y.count(), 1.f);
  net->backward();
  curve.slope.assign(input.diff(), input.diff() + input.count());
  return curve;
}

const std::vector<std::string> kFunctions = {
    "type: 'AbsVal'",
    "type: 'BNLL'",
    "type: 'Clip' clip_param { min: -1 max: 2 }",
    "type: 'Cos'",
    "type: 'ELU'",
    "type: 'Exp' exp_param { scale: 0.2 }",
    "type: 'GELU'",
    "type: 'GELU' gelu_param { approximate: TANH }",
    "type: 'HardSigmoid'",
    "type: 'HardSwish'",
    "type: 'Log' log_param { shift: 2000 }",
    "type: 'Mish'",
    "type: 'PReLU'",
    "type: 'PReLU' prelu_param { channel_shared: true }",
    "type: 'ReLU6'",
    "type: 'ReLU6' relu6_param { negative_slope: 0.1 }",
    "type: 'SELU'",
    "type: 'SiLU'",
    "type: 'Softplus' softplus_param { beta: 3 }",
    "type: 'Swish' swish_param { beta: 1.5 }",
    "type: 'Threshold'",
};

TEST(Activations, KeepNan) {
  for (const std::string& layer : kFunctions) {
    // Enough elements for whole vectors and a remainder.
    std::vector<float> x(37, std::numeric_limits<float>::quiet_NaN());
    x[5] = 1;
    const Curve curve = curve_of(layer, x);
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(std::isnan(curve.y[i]), i != 5) << layer << ", element " << i << ": " << curve.y[i];
    }
  }
}

TEST(Activations, AreFiniteFarFromZero) {
  const std::vector<float> x = {-1000, -100, -50, 50, 100, 1000};
  for (const std::string& layer : kFunctions) {
    if (layer.find("'Exp'") != std::string::npos) continue;
    const Curve curve = curve_of(layer, x);
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_TRUE(std::isfinite(curve.y[i])) << layer << " at " << x[i] << ": " << curve.y[i];
    }
    for (size_t i = 0; i < curve.slope.size(); ++i) {
      EXPECT_TRUE(std::isfinite(curve.slope[i])) << layer << ", gradient at " << x[i] << ": " << curve.slope[i];
    }
  }
}

// Expected values were computed with 50 digits. Where a formula cancels, the small result is compared relative to its
// own size.
TEST(Activations, ArePreciseWhereTheyAreSmall) {
  struct Point {
    const char* layer;
    float x;
    double y, slope;
  };
  const Point points[] = {
      {"type: 'BNLL'", -20, 2.06115362e-9, 2.061153618e-9},
      {"type: 'BNLL'", -3, 0.04858735157, 0.04742587318},
      {"type: 'Softplus' softplus_param { beta: 3 }", -10, 3.119207656e-14, 9.357622969e-14},
      {"type: 'SiLU'", -20, -4.122307236e-8, -3.916191866e-8},
      {"type: 'Swish' swish_param { beta: 1.5 }", -20, -1.871524594e-12, -2.713710661e-12},
      {"type: 'GELU'", -6, -5.91952587e-9, -3.546870945e-8},
      {"type: 'GELU'", -3, -0.004049694095, -0.0119456472},
      {"type: 'GELU' gelu_param { approximate: TANH }", -6, -8.439646701e-11, -7.709973931e-10},
      {"type: 'GELU' gelu_param { approximate: TANH }", -3, -0.003637392082, -0.01158416663},
      {"type: 'Mish'", -20, -4.122307241e-8, -3.916191874e-8},
      {"type: 'Mish'", -6, -0.01485408048, -0.01235996793},
      {"type: 'Mish'", 6, 5.999926634, 1.000134141},
      {"type: 'Mish'", 25, 25, 1},
  };
  for (const Point& point : points) {
    const Curve curve = curve_of(point.layer, {point.x});
    EXPECT_NEAR(curve.y[0] / point.y, 1, 5e-6) << point.layer << " at " << point.x;
    EXPECT_NEAR(curve.slope[0] / point.slope, 1, 5e-6) << point.layer << ", gradient at " << point.x;
  }
}

// The gradient exactly at a bend is a convention: Caffe's, if Caffe has the layer.
TEST(Activations, HaveTheseGradientsAtTheirBends) {
  using Slopes = std::vector<float>;
  EXPECT_EQ(curve_of("type: 'AbsVal'", {-1, 0, 1}).slope, (Slopes{-1, 0, 1}));
  EXPECT_EQ(curve_of("type: 'Clip' clip_param { min: -1 max: 2 }", {-1.5, -1, 2, 2.5}).slope, (Slopes{0, 1, 1, 0}));
  EXPECT_EQ(curve_of("type: 'PReLU'", {-1, 0, 1}).slope, (Slopes{0.25, 0.25, 1}));
  EXPECT_EQ(curve_of("type: 'ReLU6'", {-1, 0, 1, 6}).slope, (Slopes{0, 0, 1, 0}));
}

TEST(Activations, RefuseWhatMakesNoSense) {
  const std::pair<const char*, const char*> refused[] = {
      {"type: 'Clip'", "clip_param is missing; it must give min and max"},
      {"type: 'Clip' clip_param { min: 2 max: 1 }", "min is 2 and max is 1; min must not be above max"},
      {"type: 'Exp' exp_param { base: 0 }", "base is 0; it must be positive, or -1 for e"},
      {"type: 'Exp' exp_param { base: -2 }", "base is -2; it must be positive, or -1 for e"},
      {"type: 'Log' log_param { base: 1 }", "base is 1; it must be positive and not 1, or -1 for e"},
      {"type: 'Log' log_param { base: 0 }", "base is 0; it must be positive and not 1, or -1 for e"},
      {"type: 'PReLU' prelu_param { filler { type: 'uniform' min: 2 max: 1 } }", "min 2 must not be above max 1"},
      {"type: 'ReLU6' relu6_param { threshold: 0 }", "threshold is 0; it must be positive"},
      {"type: 'ReLU6' relu6_param { negative_slope: -1 }", "negative_slope is -1; it must not be negative"},
      {"type: 'SELU' selu_param { alpha: -1 }", "alpha is -1; it must not be negative"},
      {"type: 'SELU' selu_param { lambda: 0 }", "lambda is 0; it must be positive"},
      {"type: 'Softplus' softplus_param { beta: 0 }", "beta is 0; it must be positive"},
  };
  for (const auto& row : refused) {
    const std::string message = message_of([&] { curve_of(row.first, {1}); });
    EXPECT_NE(message.find(row.second), std::string::npos) << row.first << ": " << message;
  }
}

// Net warns that such a message is not used.
TEST(Activations, DoNotHeedTheSettingsOfTheirRelatives) {
  EXPECT_EQ(curve_of("type: 'SiLU' swish_param { beta: 2 }", {1}).y, curve_of("type: 'SiLU'", {1}).y);
  EXPECT_EQ(curve_of("type: 'BNLL' softplus_param { beta: 2 }", {1}).y, curve_of("type: 'BNLL'", {1}).y);
  EXPECT_EQ(curve_of("type: 'ELU' selu_param { lambda: 2 }", {1}).y, curve_of("type: 'ELU'", {1}).y);
}

TEST(PRelu, NeedsAnAxisForItsChannels) {
  for (const char* shared : {"", "channel_shared: true"}) {
    const std::string layer = fmt::format("type: 'PReLU' prelu_param {{ {} }}", shared);
    const std::string message =
        message_of([&] { net_of(input_text("x", {3}) + "layer { name: 'L' bottom: 'x' top: 'y' " + layer + " }"); });
    EXPECT_NE(message.find("the bottom has 1 axes (shape 3"), std::string::npos) << message;
  }
}

// Sums have the same order for any number of threads.
TEST(PRelu, SlopesHaveTheSameGradientOnAnyThreads) {
  for (const char* settings : {"", "channel_shared: true"}) {
    std::vector<Seen> seen;
    for (const int threads : {1, 2, 3}) {
      const ThreadScope scope(threads);
      NetOptions options;
      options.output_diffs = {"y"};
      const auto net = net_of("force_backward: true " + input_text("x", {5, 7, 31, 33}) +
                                  fmt::format("layer {{ name: 'L' bottom: 'x' top: 'y' type: 'PReLU' prelu_param {{ "
                                              "{} }} }}",
                                              settings),
                              options);
      fill_input(*net, "x");
      fill_output_diff(*net, "y");
      net->forward();
      net->backward();
      seen.push_back(see(*net));
    }
    EXPECT_TRUE(same(seen[1], seen[0])) << settings;
    EXPECT_TRUE(same(seen[2], seen[0])) << settings;
  }
}

}  // namespace
}  // namespace crema

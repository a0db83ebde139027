// Every implementation of the engine against the plain path: forward, and the gradients of bottoms and parameters. Each
// row runs with channel counts around the size of the engine's blocks, alone (plain layouts at its ends) and between
// two convolutions (blocked ones).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "math/algorithms.h"
#include "math/math_info.h"
#include "support/engine_layers.h"
#include "support/golden.h"
#include "support/nets.h"

namespace crema {
namespace {

struct EngineRow {
  std::string name;
  std::string layer;  // {C}: the number of channels
  int bottoms = 1;
  int divisor = 1;     // of the channel counts that it can take
  bool engine = true;  // false: the engine computes only the layers around it
};

void PrintTo(const EngineRow& row, std::ostream* out) { *out << row.layer; }

const std::vector<EngineRow> kRows = {
    {"convolution", convolution("num_output: {C} kernel_size: 3 pad: 1")},
    {"convolution_1x1", convolution("num_output: 19 kernel_size: 1")},
    {"convolution_stride", convolution("num_output: {C} kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 3 pad_h: 1")},
    {"convolution_dilated", convolution("num_output: 7 kernel_size: 3 dilation: 2 pad: 2")},
    {"convolution_no_bias", convolution("num_output: {C} kernel_size: 2 bias_term: false")},
    {"convolution_groups", convolution("num_output: 9 kernel_size: 3 group: 3"), 1, 3},
    {"convolution_depthwise", convolution("num_output: {C} kernel_size: 3 pad: 1 group: {C}")},
    {"convolution_depthwise_stride",
     "type: 'DepthwiseConvolution' convolution_param { num_output: {C} kernel_size: 3 pad: 1 stride: 2 "
     "weight_filler { type: 'xavier' } bias_filler { type: 'uniform' } }"},
    {"deconvolution", deconvolution("num_output: {C} kernel_size: 3")},
    {"deconvolution_1x1", deconvolution("num_output: 19 kernel_size: 1")},
    {"deconvolution_stride", deconvolution("num_output: {C} kernel_size: 4 stride: 2 pad: 1")},
    {"deconvolution_by_axis",
     deconvolution("num_output: {C} kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 3 pad_h: 1 pad_w: 0")},
    {"deconvolution_dilated", deconvolution("num_output: 7 kernel_size: 3 dilation: 2 pad: 1")},
    {"deconvolution_no_bias", deconvolution("num_output: {C} kernel_size: 2 stride: 2 bias_term: false")},
    {"deconvolution_groups", deconvolution("num_output: 9 kernel_size: 3 stride: 2 group: 3"), 1, 3},
    {"deconvolution_each_channel", deconvolution("num_output: {C} kernel_size: 3 stride: 2 pad: 1 group: {C}")},
    {"deconvolution_each_channel_by_2", deconvolution("num_output: {C} kernel_size: 4 stride: 2 pad: 1 group: {C}"), 1,
     3, false},
    {"pooling_max", pooling("pool: MAX kernel_size: 3 stride: 2")},
    {"pooling_max_padded", pooling("pool: MAX kernel_size: 3 stride: 2 pad: 1")},
    {"pooling_ave", pooling("pool: AVE kernel_size: 2 stride: 2")},
    {"pooling_ave_padded", pooling("pool: AVE kernel_size: 3 pad: 1")},
    {"pooling_ave_beyond", pooling("pool: AVE kernel_size: 3 stride: 2 pad: 1"), 1, 1, false},
    {"pooling_global", pooling("pool: AVE global_pooling: true")},
    {"inner_product",
     "type: 'InnerProduct' inner_product_param { num_output: 17 weight_filler { type: 'xavier' } bias_filler { type: "
     "'uniform' } }"},
    {"inner_product_transposed",
     "type: 'InnerProduct' inner_product_param { num_output: {C} transpose: true weight_filler { type: 'xavier' } }"},
    {"inner_product_by_row",
     "type: 'InnerProduct' inner_product_param { num_output: 5 axis: 3 weight_filler { type: 'xavier' } }"},
    {"eltwise_sum", eltwise("operation: SUM coeff: 0.5 coeff: -2 coeff: 1"), 3},
    {"eltwise_plain_sum", eltwise("operation: SUM"), 2},
    {"eltwise_product", eltwise("operation: PROD"), 3, 1, false},
    {"eltwise_max", eltwise("operation: MAX"), 2, 1, false},
    {"concat", "type: 'Concat'", 3},
    {"slice", "type: 'Slice' top: 'unused' slice_param { axis: 2 slice_point: 3 }", 1, 1, false},
    {"concat_rows", "type: 'Concat' concat_param { axis: 2 }", 2},
    {"dropout", "type: 'Dropout'", 1, 1, false},
    {"gelu", "type: 'GELU'", 1, 1, false},
    {"mish", "type: 'Mish'", 1, 1, false},
    {"clip_above_0", "type: 'Clip' clip_param { min: 0.1 max: 0.5 }", 1, 1, false},
    {"softplus", "type: 'Softplus'", 1, 1, false},
    {"prelu", "type: 'PReLU'", 1, 1, false},
    {"batch_norm", "type: 'BatchNorm'", 1, 1, false},
    {"batch_norm_fixed", "type: 'BatchNorm' batch_norm_param { use_global_stats: true }", 1, 1, false},
    {"bn", "type: 'BN' bn_param { bias_filler { value: 0.5 } }", 1, 1, false},
    {"scale", "type: 'Scale' scale_param { filler { type: 'uniform' } }", 1, 1, false},
    {"scale_bias",
     "type: 'Scale' scale_param { bias_term: true filler { type: 'uniform' } bias_filler { type: 'uniform' } }", 1, 1,
     false},
    {"scale_by_bottom", "type: 'Scale' scale_param { axis: 0 }", 2, 1, false},
    {"bias", "type: 'Bias' bias_param { filler { type: 'uniform' } }", 1, 1, false},
    {"lrn", "type: 'LRN' lrn_param { local_size: 5 alpha: 3 }", 1, 1, false},
    {"lrn_wide", "type: 'LRN' lrn_param { local_size: 9 alpha: 2 beta: 0.6 k: 2 }", 1, 1, false},
    {"lrn_within_channel", "type: 'LRN' lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }", 1, 1, false},
    {"softmax", "type: 'Softmax'", 1, 1, false},
    {"prelu_shared", "type: 'PReLU' prelu_param { channel_shared: true }", 1, 1, false},
};

// A net with the row's layer "L" on inputs, or between convolutions.
std::string net_text(const EngineRow& row, int channels, bool between) {
  std::string text = "force_backward: true ", bottoms;
  // Batch normalization removes a bias again, so the bias's gradient is 0 apart from rounding errors.
  const std::string no_bias = row.layer.find("'B") == std::string::npos ? "" : " bias_term: false";
  for (int b = 0; b < row.bottoms; ++b) {
    const std::string input = fmt::format("x{}", b), before = fmt::format("before{}", b);
    text += input_text(input, {2, channels, 7, 6});
    bottoms += fmt::format(" bottom: '{}'", between ? before : input);
    if (!between) continue;
    text += fmt::format("layer {{ name: '{0}' bottom: '{1}' top: '{0}' {2} }}\n", before, input,
                        with_channels(convolution("num_output: {C} kernel_size: 3 pad: 1" + no_bias), channels));
  }
  text += fmt::format("layer {{ name: 'L' top: 'y'{} {} }}\n", bottoms, with_channels(row.layer, channels));
  if (between && !row.name.starts_with("inner_product")) {
    text += "layer { name: 'after' bottom: 'y' top: 'z' " + convolution("num_output: 18 kernel_size: 1") + " }\n";
  }
  return text;
}

Seen run(const std::string& text, Engine engine, std::string* implementation, Precision precision = Precision::f32,
         std::shared_ptr<Algorithms> algorithms = nullptr) {
  NetOptions options;
  options.engine = engine;
  options.precision = precision;
  options.algorithms = std::move(algorithms);
  options.output_diffs = {text.find("top: 'z'") == std::string::npos ? "y" : "z"};
  const auto net = net_of(text, options);
  for (const std::string& name : net->inputs()) fill_input(*net, name);
  fill_output_diff(*net, options.output_diffs[0]);
  net->forward();
  net->backward();
  const Layer& layer = net->layer(net->layer_index("L"));
  *implementation = layer.implementation();
  if (layer.backward_implementation() != *implementation) *implementation += ", " + layer.backward_implementation();
  return see(*net);
}

class EngineRows : public testing::TestWithParam<EngineRow> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineRows);

TEST_P(EngineRows, AgreeWithThePlainPath) {
  for (const int channels : {1, 3, 15, 16, 20, 33, 64}) {
    if (channels % GetParam().divisor != 0) continue;
    for (const bool between : {false, true}) {
      const std::string text = net_text(GetParam(), channels, between);
      SCOPED_TRACE(text);
      std::string kernel, plain;
      const Seen actual = run(text, Engine::onednn, &kernel), expected = run(text, Engine::plain, &plain);
      EXPECT_EQ(plain, "plain");
      EXPECT_EQ(kernel != "plain", GetParam().engine) << kernel;
      ASSERT_EQ(actual.size(), expected.size());
      for (const auto& [name, values] : expected) {
        ASSERT_EQ(actual.at(name).size(), values.size()) << name;
        // A single number may be a sum whose terms cancel.
        EXPECT_LT(difference(actual.at(name), values), values.size() == 1 ? 1e-4 : 1e-5) << name;
      }
    }
  }
}

#ifdef CREMA_WITH_ONEDNN

// --- products of bfloat16 ---

TEST(Bf16, NeedsTheEngine) {
  const std::string text = input_text("x", {2, 3}) + "layer { name: 'L' bottom: 'x' top: 'y' type: 'TanH' }";
  try {
    net_of(text, {.engine = Engine::plain, .precision = Precision::bf16});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "precision bf16 needs the engine onednn; engine plain computes in f32 alone");
  }
}

// Numbers of 8 bits are off by 2^-9 of their size at most, and a product of two by 2^-8 = 0.4%. Rounding errors of many
// terms tend to cancel. But up to three layers follow each other here, and a small sum may come from large terms. So
// the tolerance is 2% of the largest number.
TEST_P(EngineRows, AgreeWithThePlainPathInBf16) {
  const EngineRow& row = GetParam();
  const bool multiplies = row.name.find("convolution") != std::string::npos || row.name.starts_with("inner_product");
  if (!multiplies) return;
  if (!engine_info().bf16) GTEST_SKIP() << "no instructions for bfloat16 here";
  const bool stays_float =
      row.name.find("depthwise") != std::string::npos || row.layer.find("group: {C}") != std::string::npos;
  for (const int channels : {3, 16, 33}) {
    if (channels % row.divisor != 0) continue;
    for (const bool between : {false, true}) {
      const std::string text = net_text(row, channels, between);
      SCOPED_TRACE(text);
      std::string kernel, plain;
      const Seen actual = run(text, Engine::onednn, &kernel, Precision::bf16);
      const Seen in_float = run(text, Engine::onednn, &kernel), expected = run(text, Engine::plain, &plain);
      EXPECT_EQ(static_cast<bool>(same(actual, in_float)), stays_float && !between);
      for (const auto& [name, values] : expected) EXPECT_LT(difference(actual.at(name), values), 2e-2) << name;
    }
  }
}

// --- algorithms ---

// Uses one algorithm for every pass that has it.
class Forced final : public Algorithms {
 public:
  explicit Forced(std::string algorithm) : algorithm_(std::move(algorithm)) {}
  std::string find(const std::string&, const std::string&) override { return algorithm_; }

 private:
  std::string algorithm_;
};

void expect_algorithm(const std::string& algorithm, const std::string& kernel, double tolerance,
                      const std::string& layer, int channels) {
  const EngineRow row{"convolution", layer};
  const std::string text = net_text(row, channels, true);
  SCOPED_TRACE(algorithm + " " + text);
  std::string kernels, plain;
  const Seen actual = run(text, Engine::onednn, &kernels, Precision::f32, std::make_shared<Forced>(algorithm));
  const Seen expected = run(text, Engine::plain, &plain);
  size_t named = 0;
  for (size_t at = kernels.find(kernel); at != std::string::npos; at = kernels.find(kernel, at + 1)) ++named;
  const size_t passes = 1 + static_cast<size_t>(std::count(kernels.begin(), kernels.end(), ','));
  EXPECT_EQ(named, passes) << kernels;
  for (const auto& [name, values] : expected) EXPECT_LT(difference(actual.at(name), values), tolerance) << name;
}

TEST(Algorithms, agree_with_the_plain_path) {
  for (const int channels : {3, 16, 20, 64}) {
    for (const char* shape : {"kernel_size: 3 pad: 1", "kernel_h: 5 kernel_w: 2 stride_h: 1 stride_w: 2",
                              "kernel_size: 1", "kernel_size: 3 dilation: 2 pad: 1 bias_term: false"}) {
      expect_algorithm("gemm", "gemm", 1e-5, convolution(fmt::format("num_output: 20 {}", shape)), channels);
    }
  }
  expect_algorithm("gemm", "gemm", 1e-5, convolution("num_output: 6 kernel_size: 3 group: 2"), 64);
}

TEST(Algorithms, winograd_agrees_with_the_plain_path) {
  const EngineInfo engine = engine_info();
  if (!engine.version.starts_with("2.") || engine.isa.find("avx512_core") == std::string::npos) {
    GTEST_SKIP() << "oneDNN has it in its versions 2, for AVX-512";
  }
  for (const int channels : {16, 64}) {
    for (const char* shape : {"pad: 1", "pad: 0 bias_term: false"}) {
      expect_algorithm("winograd", "wino", 1e-3, convolution(fmt::format("num_output: 48 kernel_size: 3 {}", shape)),
                       channels);
    }
  }
  expect_algorithm("winograd", "wino", 1e-3, convolution("num_output: 96 kernel_size: 3 pad: 1 group: 2"), 64);
}

INSTANTIATE_TEST_SUITE_P(Rows, EngineRows, testing::ValuesIn(kRows), [](const auto& info) { return info.param.name; });

#endif

}  // namespace
}  // namespace crema

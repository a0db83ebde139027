// Every implementation of the engine against the plain path: forward, and the gradients of bottoms and parameters. Each
// row runs with channel counts around the size of the engine's blocks, alone (plain layouts at its ends) and between
// two convolutions (blocked ones).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "math/algorithms.h"
#include "support/golden.h"
#include "support/nets.h"

namespace crema {
namespace {

struct EngineRow {
  std::string name;
  std::string layer;  // {C}: the number of channels
  int bottoms = 1;
  int divisor = 1;     // of the channel counts that it can take
  bool engine = true;  // false: the engine has no part in it, but in what stands around it
};

void PrintTo(const EngineRow& row, std::ostream* out) { *out << row.layer; }

std::string convolution(const std::string& settings) {
  return "type: 'Convolution' convolution_param { weight_filler { type: 'xavier' } bias_filler { type: 'uniform' } " +
         settings + " }";
}

std::string deconvolution(const std::string& settings) {
  return "type: 'Deconvolution' convolution_param { weight_filler { type: 'xavier' } bias_filler { type: 'uniform' } " +
         settings + " }";
}

std::string pooling(const std::string& settings) { return "type: 'Pooling' pooling_param { " + settings + " }"; }

std::string eltwise(const std::string& settings) { return "type: 'Eltwise' eltwise_param { " + settings + " }"; }

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
    {"concat_rows", "type: 'Concat' concat_param { axis: 2 }", 2},
    {"gelu", "type: 'GELU'", 1, 1, false},
    {"mish", "type: 'Mish'", 1, 1, false},
    {"clip_above_0", "type: 'Clip' clip_param { min: 0.1 max: 0.5 }", 1, 1, false},
    {"softplus", "type: 'Softplus'", 1, 1, false},
    {"prelu", "type: 'PReLU'", 1, 1, false},
    {"prelu_shared", "type: 'PReLU' prelu_param { channel_shared: true }", 1, 1, false},
};

std::string with_channels(std::string text, int channels) {
  for (size_t at = text.find("{C}"); at != std::string::npos; at = text.find("{C}")) {
    text.replace(at, 3, std::to_string(channels));
  }
  return text;
}

// The row's layer "L" on inputs, or on convolutions of them, and followed by one.
std::string net_text(const EngineRow& row, int channels, bool between) {
  std::string text = "force_backward: true ", bottoms;
  for (int b = 0; b < row.bottoms; ++b) {
    const std::string input = fmt::format("x{}", b), before = fmt::format("before{}", b);
    text += input_text(input, {2, channels, 7, 6});
    bottoms += fmt::format(" bottom: '{}'", between ? before : input);
    if (!between) continue;
    text += fmt::format("layer {{ name: '{0}' bottom: '{1}' top: '{0}' {2} }}\n", before, input,
                        with_channels(convolution("num_output: {C} kernel_size: 3 pad: 1"), channels));
  }
  text += fmt::format("layer {{ name: 'L' top: 'y'{} {} }}\n", bottoms, with_channels(row.layer, channels));
  if (between && !row.name.starts_with("inner_product")) {
    text += "layer { name: 'after' bottom: 'y' top: 'z' " + convolution("num_output: 18 kernel_size: 1") + " }\n";
  }
  return text;
}

Seen run(const std::string& text, Engine engine, std::string* implementation,
         std::shared_ptr<Algorithms> algorithms = nullptr) {
  NetOptions options;
  options.engine = engine;
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

// Largest difference, relative to the array's largest magnitude.
double difference(const std::vector<real>& a, const std::vector<real>& b) {
  double largest = 0, apart = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
    apart = std::max(apart, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return largest == 0 ? apart : apart / largest;
}

class EngineRows : public testing::TestWithParam<EngineRow> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineRows);

TEST_P(EngineRows, AgreeWithThePlainPath) {
  for (const int channels : {1, 3, 15, 16, 33}) {
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
        // A single number may be what is left of a sum whose terms cancel.
        EXPECT_LT(difference(actual.at(name), values), values.size() == 1 ? 1e-4 : 1e-5) << name;
      }
    }
  }
}

// One algorithm for every pass that has it.
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
  const Seen actual = run(text, Engine::onednn, &kernels, std::make_shared<Forced>(algorithm));
  const Seen expected = run(text, Engine::plain, &plain);
  size_t named = 0;
  for (size_t at = kernels.find(kernel); at != std::string::npos; at = kernels.find(kernel, at + 1)) ++named;
  const size_t passes = 1 + static_cast<size_t>(std::count(kernels.begin(), kernels.end(), ','));
  EXPECT_EQ(named, passes) << kernels;
  for (const auto& [name, values] : expected) EXPECT_LT(difference(actual.at(name), values), tolerance) << name;
}

#ifdef CREMA_WITH_ONEDNN

TEST(Algorithms, agree_with_the_plain_path) {
  for (const int channels : {3, 16, 20, 64}) {
    for (const char* shape : {"kernel_size: 3 pad: 1", "kernel_h: 5 kernel_w: 2 stride_h: 1 stride_w: 2", "kernel_size: 1",
                              "kernel_size: 3 dilation: 2 pad: 1 bias_term: false"}) {
      expect_algorithm("gemm", "gemm", 1e-5, convolution(fmt::format("num_output: 20 {}", shape)), channels);
    }
  }
  expect_algorithm("gemm", "gemm", 1e-5, convolution("num_output: 6 kernel_size: 3 group: 2"), 64);
}

// There where the processor has what oneDNN's code for it needs.
TEST(Algorithms, winograd_agrees_with_the_plain_path) {
  std::string kernel;
  const EngineRow row{"convolution", convolution("num_output: 64 kernel_size: 3 pad: 1")};
  run(net_text(row, 64, true), Engine::onednn, &kernel, std::make_shared<Forced>("winograd"));
  if (kernel.find("wino") == std::string::npos) GTEST_SKIP() << kernel;
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

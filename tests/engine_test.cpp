// Every implementation of the engine against the plain path: forward, and the gradients of bottoms and parameters. Each
// row runs with channel counts around the size of the engine's blocks, alone (plain layouts at its ends) and between
// two convolutions (blocked ones).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

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

Seen run(const std::string& text, Engine engine, std::string* implementation) {
  NetOptions options;
  options.engine = engine;
  options.output_diffs = {text.find("top: 'z'") == std::string::npos ? "y" : "z"};
  const auto net = net_of(text, options);
  for (const std::string& name : net->inputs()) fill_input(*net, name);
  fill_output_diff(*net, options.output_diffs[0]);
  net->forward();
  net->backward();
  *implementation = net->layer(net->layer_index("L")).implementation();
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
        EXPECT_LT(difference(actual.at(name), values), 1e-5) << name;
      }
    }
  }
}

#ifdef CREMA_WITH_ONEDNN
INSTANTIATE_TEST_SUITE_P(Rows, EngineRows, testing::ValuesIn(kRows), [](const auto& info) { return info.param.name; });
#endif

}  // namespace
}  // namespace crema

// Every implementation of the engine against the plain path: forward, and the gradients of bottoms and parameters. Each
// row runs with channel counts around the size of the engine's blocks, alone (plain layouts at its ends) and between
// two convolutions (blocked ones).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "math/algorithms.h"
#include "math/math_info.h"
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

std::string with_channels(std::string text, int channels) {
  for (size_t at = text.find("{C}"); at != std::string::npos; at = text.find("{C}")) {
    text.replace(at, 3, std::to_string(channels));
  }
  return text;
}

// The row's layer "L" on inputs, or on convolutions of them, and followed by one.
std::string net_text(const EngineRow& row, int channels, bool between) {
  std::string text = "force_backward: true ", bottoms;
  // Batch normalization takes a bias out again: its gradient is 0, and what is seen of it rounding.
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

// Layers that follow each other, each of which may do the next one's work.
struct ChainRow {
  std::string name;
  std::vector<std::string> layers;
  std::string steps;  // what stands in the list of steps where they are fused
  bool two = false;   // whether the first layer has a second bottom
};

void PrintTo(const ChainRow& row, std::ostream* out) { *out << row.name; }

const std::string kScale =
    "type: 'Scale' scale_param { bias_term: true filler { type: 'uniform' min: -1 } bias_filler { type: 'uniform' } }";

const std::vector<ChainRow> kChains = {
    {"batch_norm_scale", {"type: 'BatchNorm'", kScale}, "L0+L1"},
    {"batch_norm_scale_relu", {"type: 'BatchNorm'", kScale, "type: 'ReLU'"}, "L0+L1+L2"},
    {"batch_norm_relu", {"type: 'BatchNorm'", "type: 'ReLU' relu_param { negative_slope: 0.25 }"}, "L0+L1"},
    {"batch_norm_bias_relu",
     {"type: 'BatchNorm'", "type: 'Bias' bias_param { filler { type: 'uniform' } }", "type: 'ReLU'"},
     "L0+L1+L2"},
    {"batch_norm_half_learning",
     {"type: 'BatchNorm'", kScale + " param { lr_mult: 0 } param { lr_mult: 1 }", "type: 'ReLU'"},
     "L0+L1+L2"},
    {"batch_norm_fixed",
     {"type: 'BatchNorm' batch_norm_param { use_global_stats: true }", kScale, "type: 'ReLU'"},
     "L0+L1+L2"},
    {"batch_norm_frozen",
     {"type: 'BatchNorm' batch_norm_param { use_global_stats: true }",
      kScale + " param { lr_mult: 0 } param { lr_mult: 0 }", "type: 'ReLU'"},
     "L0+L1+L2"},
    {"sum_relu", {eltwise("operation: SUM"), "type: 'ReLU'"}, "L0+L1", true},
    {"weighted_sum_relu",
     {eltwise("coeff: 0.5 coeff: -2"), "type: 'ReLU' relu_param { negative_slope: 0.5 }"},
     "L0+L1",
     true},
};

// The chain on convolutions of inputs, and followed by a convolution.
std::string chain_text(const ChainRow& row, int channels) {
  const std::string same =
      with_channels(convolution("num_output: {C} kernel_size: 3 pad: 1 bias_term: false"), channels);
  std::string text = "force_backward: true " + input_text("x", {3, channels, 7, 6}), bottoms = "bottom: 'b0'";
  text += "layer { name: 'b0' bottom: 'x' top: 'b0' " + same + " }\n";
  if (row.two) {
    text += "layer { name: 'b1' bottom: 'x' top: 'b1' " + same + " }\n";
    bottoms += " bottom: 'b1'";
  }
  for (size_t k = 0; k < row.layers.size(); ++k) {
    text += fmt::format("layer {{ name: 'L{0}' {1} top: 'y{0}' {2} }}\n", k, bottoms, row.layers[k]);
    bottoms = fmt::format("bottom: 'y{}'", k);
  }
  return text + "layer { name: 'after' top: 'z' " + bottoms + convolution("num_output: 18 kernel_size: 1") + " }\n";
}

std::unique_ptr<Net> chain_net(const std::string& text, Engine engine, bool fuse) {
  NetOptions options;
  options.engine = engine;
  options.fuse = fuse;
  options.output_diffs = {"z"};
  return net_of(text, options);
}

Seen run_chain(Net& net) {
  fill_input(net, "x");
  fill_output_diff(net, "z");
  for (Parameter& p : net.layer(net.layer_index("L0")).parameters()) {  // running statistics, as if of other batches
    for (long i = 0; i < p.count(); ++i)
      p.mutable_data()[i] = static_cast<real>(0.5 + 0.125 * static_cast<double>(i % 5));
    p.raise_version();
  }
  for (int pass = 0; pass < 2; ++pass) {  // the second gradient is added to the first
    net.forward();
    net.backward();
  }
  Seen seen = see(net);
  for (const Parameter& p : net.layer(net.layer_index("L0")).parameters()) {
    seen[fmt::format("statistics {}", seen.size())] = {p.data(), p.data() + p.count()};
  }
  return seen;
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
        // A single number may be what is left of a sum whose terms cancel.
        EXPECT_LT(difference(actual.at(name), values), values.size() == 1 ? 1e-4 : 1e-5) << name;
      }
    }
  }
}

class Chains : public testing::TestWithParam<ChainRow> {};

TEST_P(Chains, ComputeTheSameFused) {
  for (const int channels : {3, 16, 20, 64}) {
    const std::string text = chain_text(GetParam(), channels);
    SCOPED_TRACE(text);
    const auto apart = chain_net(text, Engine::plain, false), fused = chain_net(text, default_engine(), true);
    EXPECT_NE(fused->steps_text().find(GetParam().steps + ":"), std::string::npos) << fused->steps_text();
    const Seen expected = run_chain(*apart), actual = run_chain(*fused);
    ASSERT_EQ(actual.size(), expected.size());
    for (const auto& [name, values] : expected) {
      ASSERT_EQ(actual.at(name).size(), values.size()) << name;
      EXPECT_LT(difference(actual.at(name), values), 1e-5) << name;
    }
  }
}

TEST_P(Chains, LeaveStatisticsAloneInARepeatedPass) {
  const auto net = chain_net(chain_text(GetParam(), 16), default_engine(), true);
  run_chain(*net);
  std::vector<std::vector<real>> before;
  const auto& statistics = net->layer(net->layer_index("L0")).parameters();
  for (const Parameter& p : statistics) before.emplace_back(p.data(), p.data() + p.count());
  net->set_replay(true);
  net->forward();
  for (size_t k = 0; k < statistics.size(); ++k) {
    EXPECT_EQ(before[k], std::vector<real>(statistics[k].data(), statistics[k].data() + statistics[k].count()));
  }
}

TEST_P(Chains, ShowWhatIsNotANumber) {
  const auto net = chain_net(chain_text(GetParam(), 16), default_engine(), true);
  fill_input(*net, "x");
  const real nan = std::numeric_limits<real>::quiet_NaN();
  net->input("x").mutable_data()[0] = nan;
  net->forward();
  EXPECT_TRUE(std::isnan(net->value("z").data()[0]));
}

INSTANTIATE_TEST_SUITE_P(Rows, Chains, testing::ValuesIn(kChains), [](const auto& info) { return info.param.name; });

#ifdef CREMA_WITH_ONEDNN

// The names of the layers that a value or a diff is moved for.
std::set<std::string> reordered(const Net& net) {
  std::set<std::string> layers;
  for (const Step& step : net.steps().steps) {
    if (step.kind == Step::reorder) layers.insert(net.layer_config(step.layer).name());
  }
  return layers;
}

// The engine's layout stays from the first convolution to the last, in the diffs as well.
TEST(Layouts, RunThroughNets) {
  NetOptions options;
  options.memory = false;
  NetState state;
  state.set_phase(TRAIN);
  for (const std::string name : {"resnet", "mobilenet"}) {
    SCOPED_TRACE(name);
    const auto net = make_net(CREMA_TESTS_DIR "/nets/" + name + "_style.prototxt", state, options);
    EXPECT_EQ(reordered(*net), std::set<std::string>{"fc"});
  }
}

TEST(Layouts, RunThroughLayersThatComputeInThem) {
  const auto layer = [](const std::string& name, const std::string& bottoms, const std::string& text) {
    std::string out = fmt::format("layer {{ name: '{0}' top: '{0}' {1}", name, text);
    for (const char c : bottoms) out += fmt::format(" bottom: '{}'", c);
    return out + " }\n";
  };
  std::string text = "force_backward: true " + input_text("A", {2, 32, 8, 8}), last = "g";
  text += layer("a", "A", convolution("num_output: 16 kernel_size: 3 pad: 1")) +
          layer("b", "a", convolution("num_output: 32 kernel_size: 3 pad: 1")) + layer("c", "ab", "type: 'Concat'") +
          "layer { name: 'slice' type: 'Slice' bottom: 'c' top: 'd' top: 'e' slice_param { slice_point: 16 } }\n" +
          layer("f", "ad", eltwise("operation: MAX")) + layer("g", "e", "type: 'Dropout'");
  for (const char* type : {"ReLU", "PReLU", "BN", "BatchNorm", "Scale", "Bias", "Power", "TanH", "ELU", "Swish"}) {
    const std::string name(1, static_cast<char>(last[0] + 1));
    text += layer(name, last, fmt::format("type: '{}'", type));
    last = name;
  }
  text += layer("w", last, pooling("pool: AVE kernel_size: 2 stride: 2")) +
          layer("x", "w", convolution("num_output: 16 kernel_size: 1")) +
          layer("y", "f", pooling("pool: MAX kernel_size: 2 stride: 2")) +
          layer("z", "xy", eltwise("coeff: 2 coeff: 1"));
  NetOptions options;
  options.output_diffs = {"z"};
  options.memory = false;
  EXPECT_EQ(reordered(*net_of(text, options)),
            (std::set<std::string>{"a", "z"}));  // what the caller sees and sets is plain
}

// --- layers that the one before computes ---

// Layers behind one with weights, which computes them all in a net that runs no backward; {C}: the number of channels.
struct Tail {
  std::vector<std::string> layers;
  std::vector<long> image = {7, 6};
};

std::string inner_product(const std::string& settings) {
  return "type: 'InnerProduct' inner_product_param { weight_filler { type: 'xavier' } " + settings + " }";
}

const std::string kNorm = "type: 'BatchNorm' batch_norm_param { eps: 0.01 }";
const std::string kRelu = "type: 'ReLU'";
const std::string kLeaky = "type: 'ReLU' relu_param { negative_slope: 0.2 }";
const std::string kSum = "type: 'Eltwise' bottom: 'other'";

const std::vector<Tail> kTails = {
    {{convolution("num_output: {C} kernel_size: 3 pad: 1 bias_term: false"), kNorm, kScale, kRelu}},
    {{convolution("num_output: {C} kernel_size: 3 pad: 1"), kNorm, kScale, kSum, kRelu}},
    {{convolution("num_output: {C} kernel_size: 1"), kScale, "type: 'Bias'", kLeaky}},
    {{convolution("num_output: {C} kernel_size: 1"), kSum, kLeaky}},
    {{convolution("num_output: {C} kernel_size: 3 pad: 1 group: {C}"), kNorm, kSum, kRelu}},
    {{convolution("num_output: 12 kernel_size: 3 stride: 2"), kNorm, kRelu}},
    {{convolution("num_output: {C} kernel_size: 1"), kNorm, kSum, kRelu}, {2, 3, 2, 2}},  // no kernel of the engine's
    {{inner_product("num_output: 17 bias_filler { type: 'uniform' }"), kNorm, kScale, kLeaky}},
    {{inner_product("num_output: {C} transpose: true"), kScale, kSum, kRelu}, {}},
};

std::string tail_text(const Tail& tail, int channels) {
  std::vector<long> dims = {2, channels};
  dims.insert(dims.end(), tail.image.begin(), tail.image.end());
  std::string text = input_text("x", dims) + "layer { name: 'other' type: 'TanH' bottom: 'x' top: 'other' }\n";
  for (size_t i = 0; i < tail.layers.size(); ++i) {
    text += fmt::format("layer {{ name: 'l{0}' top: 'y{0}' bottom: '{1}' {2} }}\n", i,
                        i == 0 ? "x" : fmt::format("y{}", i - 1), with_channels(tail.layers[i], channels));
  }
  return text;
}

// Other numbers in all parameters, positive ones as variances are.
void change_parameters(Net& net, int round) {
  for (int i = 0; i < net.layers(); ++i) {
    for (Parameter& parameter : net.layer(i).parameters()) {
      for (long k = 0; k < parameter.count(); ++k) {
        parameter.mutable_data()[k] = static_cast<real>(0.7 + 0.5 * std::sin(1.7 * k + i + 3 * round));
      }
      parameter.raise_version();
    }
  }
}

TEST(FusedTails, AgreeWithTheirLayersOneByOne) {
  for (const Tail& tail : kTails) {
    for (const int channels : {3, 16, 20, 64}) {
      const std::string text = tail_text(tail, channels);
      SCOPED_TRACE(text);
      const auto fused = net_of(text, {}, TEST), single = net_of(text, {.fuse = false}, TEST);
      EXPECT_EQ(fused->absorbed(fused->layer_index("l0")).size(), tail.layers.size() - 1);
      EXPECT_TRUE(single->absorbed(single->layer_index("l0")).empty());
      for (int round = 0; round < 2; ++round) {
        for (Net* net : {fused.get(), single.get()}) {
          change_parameters(*net, round);
          fill_input(*net, "x");
          net->forward();
          net->forward();
        }
        const Seen actual = see(*fused), expected = see(*single);
        for (const auto& [name, values] : expected) EXPECT_LT(difference(actual.at(name), values), 1e-5) << name;
      }
    }
  }
}

TEST(FusedTails, AreNotWhereBackwardRuns) {
  const auto net = net_of(tail_text(kTails[0], 16), {.output_diffs = {"y3"}}, TEST);
  EXPECT_TRUE(net->absorbed(net->layer_index("l0")).empty());
}

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
// terms rather cancel than add up, but up to three layers stand behind each other here, and a small sum may come of
// large terms: within 2% of the largest number.
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

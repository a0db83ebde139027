// Nets on the engine: fused layers against the same layers unfused, and layouts that stay the same through a net.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "support/engine_layers.h"
#include "support/golden.h"
#include "support/nets.h"

namespace crema {
namespace {

// A chain of layers, each of which may do the next one's work.
struct ChainRow {
  std::string name;
  std::vector<std::string> layers;
  std::string steps;  // text in the list of steps if they are fused
  bool two = false;   // whether the first layer has a second bottom
};

void PrintTo(const ChainRow& row, std::ostream* out) { *out << row.name; }

const std::vector<ChainRow> kChains = {
    {"batch_norm_scale", {"type: 'BatchNorm'", kScaleLayer}, "L0+L1"},
    {"batch_norm_scale_relu", {"type: 'BatchNorm'", kScaleLayer, "type: 'ReLU'"}, "L0+L1+L2"},
    {"batch_norm_relu", {"type: 'BatchNorm'", "type: 'ReLU' relu_param { negative_slope: 0.25 }"}, "L0+L1"},
    {"batch_norm_bias_relu",
     {"type: 'BatchNorm'", "type: 'Bias' bias_param { filler { type: 'uniform' } }", "type: 'ReLU'"},
     "L0+L1+L2"},
    {"batch_norm_half_learning",
     {"type: 'BatchNorm'", kScaleLayer + " param { lr_mult: 0 } param { lr_mult: 1 }", "type: 'ReLU'"},
     "L0+L1+L2"},
    {"batch_norm_fixed",
     {"type: 'BatchNorm' batch_norm_param { use_global_stats: true }", kScaleLayer, "type: 'ReLU'"},
     "L0+L1+L2"},
    {"batch_norm_frozen",
     {"type: 'BatchNorm' batch_norm_param { use_global_stats: true }",
      kScaleLayer + " param { lr_mult: 0 } param { lr_mult: 0 }", "type: 'ReLU'"},
     "L0+L1+L2"},
    {"sum_relu", {eltwise("operation: SUM"), "type: 'ReLU'"}, "L0+L1", true},
    {"weighted_sum_relu",
     {eltwise("coeff: 0.5 coeff: -2"), "type: 'ReLU' relu_param { negative_slope: 0.5 }"},
     "L0+L1",
     true},
};

// A net of the chain, with convolutions of the inputs before it and a convolution after it.
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

// The names of the layers for which a value or a diff is reordered.
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

// A layer with weights and the layers after it, whose work it does in a net that runs no backward. {C}: the number of
// channels.
struct Tail {
  std::vector<std::string> layers;
  std::vector<long> image = {7, 6};
};

const std::string kNorm = "type: 'BatchNorm' batch_norm_param { eps: 0.01 }";
const std::string kRelu = "type: 'ReLU'";
const std::string kLeaky = "type: 'ReLU' relu_param { negative_slope: 0.2 }";
const std::string kSum = "type: 'Eltwise' bottom: 'other'";

const std::vector<Tail> kTails = {
    {{convolution("num_output: {C} kernel_size: 3 pad: 1 bias_term: false"), kNorm, kScaleLayer, kRelu}},
    {{convolution("num_output: {C} kernel_size: 3 pad: 1"), kNorm, kScaleLayer, kSum, kRelu}},
    {{convolution("num_output: {C} kernel_size: 1"), kScaleLayer, "type: 'Bias'", kLeaky}},
    {{convolution("num_output: {C} kernel_size: 1"), kSum, kLeaky}},
    {{convolution("num_output: {C} kernel_size: 3 pad: 1 group: {C}"), kNorm, kSum, kRelu}},
    {{convolution("num_output: 12 kernel_size: 3 stride: 2"), kNorm, kRelu}},
    {{convolution("num_output: {C} kernel_size: 1"), kNorm, kSum, kRelu}, {2, 3, 2, 2}},  // no kernel in the engine
    {{inner_product("num_output: 17 bias_filler { type: 'uniform' }"), kNorm, kScaleLayer, kLeaky}},
    {{inner_product("num_output: {C} transpose: true"), kScaleLayer, kSum, kRelu}, {}},
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

// Sets all parameters to other numbers. They are positive, as variances must be.
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

#endif

}  // namespace
}  // namespace crema

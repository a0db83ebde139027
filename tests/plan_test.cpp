// The memory plan never changes a result: nets with and without one give the same bits, both in place and under two
// names. Also tests how much memory the plan saves.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "config/prototxt.h"
#include "core/not_finite.h"
#include "rows/rows.h"
#include "support/golden.h"
#include "support/messages.h"
#include "support/nets.h"
#include "support/training.h"

namespace crema {
namespace {

namespace fs = std::filesystem;

std::string test_name(std::string name) {
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

// --- every recorded net ----------------------------------------------------------------------------------------------

std::vector<std::string> recorded_nets() {
  std::vector<std::string> paths;
  for (const std::string folder : {CREMA_TESTS_DIR "/golden/layers/", CREMA_TESTS_DIR "/golden/torch/"}) {
    for (const std::string& name : golden_pairs(folder)) paths.push_back(folder + name);
  }
  return paths;
}

class PlanOfRecorded : public testing::TestWithParam<std::string> {};

TEST_P(PlanOfRecorded, ChangesNoBit) {
  const GoldenPass pass(GetParam());
  for (const auto& [name, engine] : golden_engines()) {
    SCOPED_TRACE("on the engine " + name);
    NetOptions options;
    options.engine = engine;
    const auto with = pass.build(options), without = pass.build(unplanned(options));
    for (int repetition = 0; repetition < 2; ++repetition) {
      pass.run(*with);
      pass.run(*without);
      EXPECT_TRUE(same(see(*with), see(*without))) << "in pass " << repetition;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Nets, PlanOfRecorded, testing::ValuesIn(recorded_nets()), [](const auto& info) {
  const fs::path path(info.param);
  return test_name(fmt::format("{}_{}", path.parent_path().filename().string(), path.filename().string()));
});

// --- every model, and nets in the style of well-known ones -----------------------------------------------------------

std::vector<std::string> model_nets() {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(CREMA_TESTS_DIR "/nets")) paths.push_back(entry.path());
  for (const auto& entry : fs::recursive_directory_iterator(CREMA_SOURCE_DIR "/models")) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".prototxt" || name.starts_with("solver") || left_by_a_run(name)) continue;
    if (for_imagenet(entry.path())) continue;  // minutes each
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// The configuration with which tests run a model: on the data that comes with the project.
NetConfig model_config(const std::string& path, Phase phase) {
  NetState state;
  state.set_phase(phase);
  state.add_stage("mnist-10k");
  return filter(read_net(path), state);
}

void fill_inputs(Net& net) {
  for (const std::string& name : net.inputs()) {
    if (name == "label" || name == "classes") {
      std::vector<float> labels;
      for (long i = 0; i < net.input(name).count(); ++i) labels.push_back(static_cast<float>(i * 7 % 4));
      set_input(net, name, labels);
    } else {
      fill_input(net, name);
    }
  }
}

// One step of gradient descent.
void step_down(Net& net) {
  for (const NetParameterInfo& info : net.parameters()) {
    Parameter& p = *info.parameter;
    if (!p.learns() || !p.has_diff()) continue;
    for (long i = 0; i < p.count(); ++i) p.mutable_data()[i] -= real{0.01} * p.diff()[i];
    p.raise_version();
    p.forget_diff();
  }
}

class PlanOfModel : public testing::TestWithParam<std::string> {};

TEST_P(PlanOfModel, ChangesNoBit) {
  for (const Phase phase : {TRAIN, TEST}) {
    for (const auto& [name, engine] : golden_engines()) {
      SCOPED_TRACE(fmt::format("phase {} on the engine {}", Phase_Name(phase), name));
      NetOptions options;
      options.engine = engine;
      const NetConfig config = model_config(GetParam(), phase);
      Net with(config, options), without(config, unplanned(options));
      for (int pass = 0; pass < 2; ++pass) {
        for (Net* net : {&with, &without}) {
          fill_inputs(*net);
          net->forward();
          if (phase == TRAIN) net->backward();
        }
        EXPECT_TRUE(same(see(with), see(without))) << "in pass " << pass;
      }
    }
  }
}

// Everything that can be computed again is: dropout's masks, pooling's winners, the batch's statistics, and more.
TEST_P(PlanOfModel, ChangesNoBitWhereBackwardComputesAgain) {
  for (const auto& [name, engine] : golden_engines()) {
    SCOPED_TRACE("on the engine " + name);
    NetOptions options;
    options.engine = engine;
    const NetConfig config = model_config(GetParam(), TRAIN);
    NetConfig again = config;
    for (LayerParameter& layer : *again.net.mutable_layer()) layer.set_recompute(layer.bottom_size() > 0);
    Net kept(config, options), recomputed(again, options);
    for (int pass = 0; pass < 2; ++pass) {
      for (Net* net : {&kept, &recomputed}) {
        fill_inputs(*net);
        net->forward();
        net->backward();
        step_down(*net);
      }
      EXPECT_TRUE(same(see(recomputed), see(kept))) << "in pass " << pass;
    }
    EXPECT_LE(recomputed.memory().planned, kept.memory().planned * 11 / 10);
  }
}

INSTANTIATE_TEST_SUITE_P(Nets, PlanOfModel, testing::ValuesIn(model_nets()), [](const auto& info) {
  const fs::path path = info.param;
  return test_name(path.parent_path().filename().string() + "_" + path.stem().string());
});

// --- what is saved

// The planned memory as a share of the unplanned, in phase TRAIN with backward and in phase TEST without. It is also
// written to the output and to the test's properties. Fusion is off, since it removes buffers whose memory the plan
// would share.
double share_left(const std::string& path, Phase phase) {
  const Net net(model_config(path, phase), {.fuse = false});
  const NetMemory memory = net.memory();
  const long used = memory.planned + memory.pinned;
  const auto line = fmt::format("{} in {}: {:.2f} MB with the plan ({:.2f} MB of them not shared), {:.2f} MB without",
                                net.name(), Phase_Name(phase), used / 1e6, memory.pinned / 1e6, memory.unplanned / 1e6);
  fmt::print("{}\n", line);
  testing::Test::RecordProperty(Phase_Name(phase), line);
  return static_cast<double>(used) / static_cast<double>(memory.unplanned);
}

TEST(PlanSaves, OnLeNet) {
  const std::string path = CREMA_SOURCE_DIR "/models/lenet/train_test.prototxt";
  EXPECT_LT(share_left(path, TRAIN), 0.6);
  // No plan can do better: conv1's output (20 channels, which take 32 in a blocked layout) and its pooled form are
  // needed at the same time, and are three quarters of the total.
  EXPECT_LT(share_left(path, TEST), 0.76);
}

TEST(PlanSaves, OnResidualBlocks) {
  const std::string path = CREMA_TESTS_DIR "/nets/resnet_style.prototxt";
  EXPECT_LT(share_left(path, TRAIN), 0.3);
  EXPECT_LT(share_left(path, TEST), 0.1);
}

// The share of the planned memory that remains if only the values between residual blocks are kept.
TEST(PlanSaves, WhereBackwardComputesBlocksAgain) {
  NetConfig config = model_config(CREMA_TESTS_DIR "/nets/resnet_style.prototxt", TRAIN);
  const Net kept(config, NetOptions());
  for (LayerParameter& layer : *config.net.mutable_layer()) {
    const std::string& name = layer.name();
    const bool ends_block = name.ends_with("/relu") && std::count(name.begin(), name.end(), '/') == 1;
    layer.set_recompute(layer.bottom_size() > 0 && !ends_block);
  }
  const Net recomputed(config, NetOptions());
  const double all = static_cast<double>(kept.memory().planned),
               left = static_cast<double>(recomputed.memory().planned);
  fmt::print("planned memory: {:.2f} MB, and {:.2f} MB where blocks are computed again\n", all / 1e6, left / 1e6);
  EXPECT_LT(left, 0.6 * all);
}

TEST(PlanSaves, NothingOfWhatHasNoBottoms) {
  EXPECT_EQ(
      message_of([] {
        net_of(
            "layer { name: 'x' type: 'DummyData' top: 'x' recompute: true dummy_data_param { shape { dim: 2 } } "
            "} layer { name: 'y' type: 'ReLU' bottom: 'x' top: 'y' }");
      }),
      "net.prototxt:1: layer \"x\" (DummyData): recompute: the layer has no bottoms, from which its tops could be "
      "computed again");
}

// A search for a NaN and a run layer by layer execute the same steps.
TEST(ComputedAgain, InPiecesAndInAReplay) {
  const std::string text = input_text("x", {4, 3, 8, 8}) + input_text("label", {4}) + R"(
    layer { name: 'conv' type: 'Convolution' bottom: 'x' top: 'conv' recompute: true
      convolution_param { num_output: 16 kernel_size: 3 weight_filler { type: 'xavier' } } }
    layer { name: 'bn' type: 'BatchNorm' bottom: 'conv' top: 'conv' recompute: true }
    layer { name: 'relu' type: 'ReLU' bottom: 'conv' top: 'conv' recompute: true }
    layer { name: 'pool' type: 'Pooling' bottom: 'conv' top: 'pool' recompute: true
      pooling_param { kernel_size: 2 stride: 2 } }
    layer { name: 'drop' type: 'Dropout' bottom: 'pool' top: 'pool' recompute: true }
    layer { name: 'ip' type: 'InnerProduct' bottom: 'pool' top: 'ip'
      inner_product_param { num_output: 4 weight_filler { type: 'xavier' } } }
    layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' })";
  const auto whole = net_of(text), pieces = net_of(text), replayed = net_of(text), unmarked = net_of(text, unplanned());
  for (Net* net : {whole.get(), pieces.get(), replayed.get(), unmarked.get()}) fill_inputs(*net);
  const std::string steps = whole->steps_text();
  EXPECT_NE(steps.find("replay   pool: "), std::string::npos) << steps;
  EXPECT_EQ(unmarked->steps_text().find("replay"), std::string::npos) << "without the plan nothing would be saved";
  whole->forward();
  whole->backward();
  unmarked->forward();
  unmarked->backward();
  EXPECT_TRUE(same(see(*whole), see(*unmarked)));
  const int last = pieces->layers() - 1;
  for (int i = 0; i <= last; ++i) pieces->forward(i, i);
  for (int i = last; i >= 0; --i) pieces->backward(i, i);
  EXPECT_TRUE(same(see(*pieces), see(*whole)));
  replayed->forward();
  replayed->backward();
  for (const NetParameterInfo& info : replayed->parameters()) info.parameter->forget_diff();
  EXPECT_FALSE(find_not_finite(*replayed)) << "and this was a pass more, which must change nothing";
  EXPECT_TRUE(same(see(*replayed), see(*whole)));
}

// --- in place --------------------------------------------------------------------------------------------------------

bool may_be_in_place(const GradientRow& row) {
  for (const auto& [bottom, top] : create_layer(parse_layer(row.layer))->contract().same_memory) {
    if (bottom == 0 && top == 0) return true;
  }
  return false;
}

std::vector<GradientRow> in_place_rows() {
  std::vector<GradientRow> rows;
  for (const GradientRow& row : gradient_rows()) {
    if (may_be_in_place(row)) rows.push_back(row);
  }
  return rows;
}

// The row's layer between two Power layers. It reads "y" and writes `top`; the layer below learns.
std::string between_layers(const GradientRow& row, const std::string& top) {
  std::string text = "force_backward: true\n", others;
  for (size_t b = 0; b < row.bottoms.size(); ++b) {
    text += input_text(fmt::format("in{}", b), row.bottoms[b]);
    if (b > 0) others += fmt::format("bottom: 'in{}' ", b);
  }
  text += "layer { name: 'below' type: 'Power' bottom: 'in0' top: 'y' power_param { scale: 0.9 } }\n";
  text += fmt::format("layer {{ name: 'L' {} bottom: 'y' {}top: '{}' }}\n", row.layer, others, top);
  return text +
         fmt::format("layer {{ name: 'above' type: 'Power' bottom: '{}' top: 'out' power_param {{ power: 2 }} }}\n",
                     top);
}

Seen run_between(const GradientRow& row, const std::string& top, NetOptions options) {
  options.output_diffs = {"out"};
  const auto net = net_of(between_layers(row, top), options, row.phase);
  auto& parameters = net->layer(net->layer_index("L")).parameters();
  for (size_t k = 0; k < parameters.size(); ++k) {
    const Random random(3, "parameter", row.name, k);
    for (long i = 0; i < parameters[k].count(); ++i) {
      parameters[k].mutable_data()[i] = static_cast<real>(0.5 + random.uniform(static_cast<uint64_t>(i)));
    }
    parameters[k].raise_version();
  }
  const bool positive = std::holds_alternative<Range>(row.bottom_fills[0]);
  for (const std::string& name : net->inputs()) fill_input(*net, name, positive ? 0.5 : -1.5, 1.5);
  net->forward();
  fill_output_diff(*net, "out");
  net->backward();
  return see(*net);
}

class InPlace : public testing::TestWithParam<GradientRow> {};

TEST_P(InPlace, ComputesTheSameAsUnderTwoNames) {
  for (const auto& [name, engine] : golden_engines()) {
    SCOPED_TRACE("on the engine " + name);
    NetOptions options;
    options.engine = engine;
    const Seen two_names = run_between(GetParam(), "z", unplanned(options));
    for (const auto& [what, values] : two_names) {
      for (const real value : values) ASSERT_TRUE(std::isfinite(value)) << what;
    }
    EXPECT_TRUE(same(run_between(GetParam(), "y", options), two_names)) << "one name, planned";
    EXPECT_TRUE(same(run_between(GetParam(), "z", options), two_names)) << "two names, planned";
    EXPECT_TRUE(same(run_between(GetParam(), "y", unplanned(options)), two_names)) << "one name, not planned";
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, InPlace, testing::ValuesIn(in_place_rows()),
                         [](const auto& info) { return info.param.name; });

// Otherwise the test above would compare a net with itself.
TEST(InPlace, IsOneMemoryWhereTheContractAllowsIt) {
  const std::string above = "layer { name: 'above' type: 'Power' bottom: 'y' top: 'out' power_param { power: 2 } }";
  const auto one_memory = [&](const std::string& layer) {
    const auto net = net_of("force_backward: true " + input_text("x", {4}) +
                            "layer { name: 'below' type: 'Power' bottom: 'x' top: 'y' }" + layer + above);
    return net->bottoms(2)[0]->data() == net->tops(2)[0]->data();
  };
  EXPECT_TRUE(one_memory("layer { name: 'L' type: 'ReLU' bottom: 'y' top: 'y' }"));
  EXPECT_FALSE(one_memory("layer { name: 'L' type: 'Power' bottom: 'y' top: 'y' power_param { power: 3 } }"))
      << "backward reads the bottom";
}

}  // namespace
}  // namespace crema

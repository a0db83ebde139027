// A layer that sets its own phase works in it; other layers work in the net's.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/data_files.h"
#include "support/nets.h"

namespace crema {
namespace {

std::vector<real> values_of(const Net& net, const std::string& name) {
  const Blob& blob = net.value(name);
  return {blob.data(), blob.data() + blob.count()};
}

TEST(LayerPhase, KeepsDropoutOnInTests) {
  const auto net = net_of(input_text("x", {1000}) +
                              "layer { name: 'on' type: 'Dropout' bottom: 'x' top: 'on' phase: TRAIN }"
                              "layer { name: 'net' type: 'Dropout' bottom: 'x' top: 'net' }",
                          {}, TEST);
  std::fill_n(net->input("x").mutable_data(), 1000, real{1});
  net->forward();
  const auto first = values_of(*net, "on");
  EXPECT_EQ(std::count(first.begin(), first.end(), 0) + std::count(first.begin(), first.end(), 2), 1000);
  EXPECT_NEAR(static_cast<double>(std::count(first.begin(), first.end(), 0)), 500, 80);
  EXPECT_EQ(values_of(*net, "net"), std::vector<real>(1000, 1));
  net->forward();
  EXPECT_NE(values_of(*net, "on"), first);
}

TEST(LayerPhase, TurnsDropoutOffInTraining) {
  const auto net = net_of("force_backward: true " + input_text("x", {100}) +
                          "layer { name: 'L' type: 'Dropout' bottom: 'x' top: 'y' phase: TEST loss_weight: 1 }");
  fill_input(*net, "x");
  net->forward();
  net->backward();
  EXPECT_EQ(values_of(*net, "y"), std::vector<real>(net->input("x").data(), net->input("x").data() + 100));
  EXPECT_EQ(std::vector<real>(net->input("x").diff(), net->input("x").diff() + 100), std::vector<real>(100, 1));
}

// The layer with layers that may be fused with it, and on each side of a convolution.
TEST(LayerPhase, FreezesBatchNormInTraining) {
  const auto text = [](const std::string& frozen) {
    return "force_backward: true " + input_text("x", {3, 4, 5, 5}) +
           "layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'c' convolution_param { num_output: 4 kernel_size: "
           "3 "
           "weight_filler { type: 'xavier' } } }"
           "layer { name: 'n' type: 'BatchNorm' bottom: 'c' top: 'n' " +
           frozen +
           " }"
           "layer { name: 's' type: 'Scale' bottom: 'n' top: 's' scale_param { bias_term: true } }"
           "layer { name: 'r' type: 'ReLU' bottom: 's' top: 'r' }"
           "layer { name: 'd' type: 'Convolution' bottom: 'r' top: 'd' convolution_param { num_output: 2 kernel_size: "
           "1 "
           "weight_filler { type: 'xavier' } } }"
           "layer { name: 'm' type: 'BatchNorm' bottom: 'd' top: 'm' " +
           frozen +
           " }"
           "layer { name: 'sum' type: 'Reduction' bottom: 'm' top: 'sum' reduction_param { operation: SUMSQ } "
           "loss_weight: 1 }";
  };
  const auto run = [&](const std::string& frozen, Phase phase, bool fuse) {
    NetOptions options;
    options.fuse = fuse;
    options.backward = true;
    const auto net = net_of(text(frozen), options, phase);
    for (const char* name : {"n", "m"}) {
      auto& statistics = net->layer(net->layer_index(name)).parameters();
      for (size_t k = 0; k < 3; ++k) {
        for (long c = 0; c < statistics[k].count(); ++c) {
          statistics[k].mutable_data()[c] = k == 2 ? 2 : static_cast<real>(0.5 + static_cast<double>(c + 1) * 0.25);
        }
        statistics[k].raise_version();
      }
    }
    fill_input(*net, "x");
    net->forward();
    net->backward();
    return see(*net);
  };
  const Seen by_field = run("batch_norm_param { use_global_stats: true }", TRAIN, false);
  const Seen moving = run("batch_norm_param { use_global_stats: false }", TRAIN, false);
  EXPECT_TRUE(same(run("phase: TEST", TRAIN, false), by_field));
  EXPECT_TRUE(same(run("phase: TEST", TRAIN, true), run("batch_norm_param { use_global_stats: true }", TRAIN, true)));
  EXPECT_TRUE(same(run("phase: TRAIN", TEST, false), moving));
  EXPECT_NE(run("phase: TRAIN", TEST, true).at("parameter n/0"), by_field.at("parameter n/0"));
}

TEST(LayerPhase, OfBnAndPooling) {
  const auto run = [](const std::string& layer, Phase phase) {
    NetOptions options;
    options.backward = false;
    const auto net = net_of(input_text("x", {4, 3, 6, 6}) + "layer { name: 'L' bottom: 'x' top: 'y' " + layer + " }",
                            options, phase);
    fill_input(*net, "x", 0.1, 1);
    net->forward();
    return values_of(*net, "y");
  };
  for (const std::string layer :
       {"type: 'BN'", "type: 'Pooling' pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }",
        "type: 'SPP' spp_param { pool: STOCHASTIC pyramid_height: 1 }"}) {
    EXPECT_NE(run(layer, TRAIN), run(layer, TEST)) << layer;
    EXPECT_EQ(run(layer + " phase: TRAIN", TEST), run(layer, TRAIN)) << layer;
    EXPECT_EQ(run(layer + " phase: TEST", TRAIN), run(layer, TEST)) << layer;
  }
}

// Rules depend only on the net's phase.
TEST(LayerPhase, IsNoRule) {
  const auto net =
      net_of(input_text("x", {2}) +
                 "layer { name: 'a' type: 'Dropout' bottom: 'x' top: 'a' phase: TRAIN include { phase: TEST } }"
                 "layer { name: 'b' type: 'Dropout' bottom: 'x' top: 'b' phase: TEST include { phase: TRAIN } }",
             {}, TEST);
  EXPECT_EQ(net->layers(), 2);
  EXPECT_EQ(net->outputs().size(), 1u);
  EXPECT_EQ(net->outputs()[0].name, "a");
}

// A test net that crops at random.
TEST(LayerPhase, OfADataLayerIsItsTransformers) {
  const TempFolder folder;
  const auto big_endian = [](uint32_t number) {
    std::string bytes;
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(number >> shift & 255);
    return bytes;
  };
  folder.write("images", big_endian(0x803) + big_endian(1) + big_endian(8) + big_endian(8) + counting(64));
  folder.write("labels", big_endian(0x801) + big_endian(1) + std::string(1, '\0'));
  const auto run = [&](const std::string& own, Phase phase) {
    const auto net = net_of("layer { name: 'L' type: 'Data' top: 'y' " + own + " transform_param { crop_size: 4 } " +
                                "data_param { backend: IDX source: '" + folder / "images" + "' batch_size: 20 } }",
                            {}, phase);
    net->forward();
    return values_of(*net, "y");
  };
  EXPECT_NE(run("", TRAIN), run("", TEST));
  EXPECT_EQ(run("phase: TRAIN", TEST), run("", TRAIN));
  EXPECT_EQ(run("phase: TEST", TRAIN), run("", TEST));
}

}  // namespace
}  // namespace crema

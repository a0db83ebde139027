// Tests of layers that work on planes that rows cannot express: errors, empty batches, layers in place, threads.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/parallel.h"
#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

std::string net_text(const std::vector<std::vector<long>>& bottoms, const std::string& layer) {
  std::string text = "force_backward: true ", names;
  for (size_t i = 0; i < bottoms.size(); ++i) {
    text += input_text(fmt::format("x{}", i), bottoms[i]);
    names += fmt::format(" bottom: 'x{}'", i);
  }
  return text + fmt::format("layer {{ name: 'L' {} top: 'y' {} }}\n", names, layer);
}

TEST(Spatial, SaysWhatItRefuses) {
  const std::string deconvolution = "type: 'Deconvolution' convolution_param ";
  const std::string depthwise = "type: 'DepthwiseConvolution' convolution_param ";
  const std::string by_channels = "type: 'ConvolutionDepthwise' convolution_param ";
  struct Case {
    std::vector<std::vector<long>> bottoms;
    std::string layer, message;
  };
  const std::vector<long> image = {1, 4, 3, 3};
  const std::vector<Case> cases = {
      {{image}, deconvolution + "{ num_output: 2 }", "the kernel has no size"},
      {{image}, deconvolution + "{ kernel_size: 2 }", "num_output is 0; expected a positive number"},
      {{image},
       deconvolution + "{ num_output: 3 group: 2 kernel_size: 2 }",
       "num_output 3 is not divisible by group 2"},
      {{image}, deconvolution + "{ num_output: 3 group: 3 kernel_size: 2 }", "4 channels are not divisible by group 3"},
      {{image},
       deconvolution + "{ num_output: 2 kernel_size: 2 pad: 2 }",
       "spatial axis 0 of 3 elements becomes 0: nothing is left by stride 1, kernel 2, pad 2"},
      {{{0, 1, 1L << 40, 1}},
       deconvolution + "{ num_output: 1 kernel_size: 1 stride: 1073741824 }",
       "stride (size - 1), 1073741824 times 1099511627775, is too large; at most 17592186044416 elements are possible"},
      {{{0, (1L << 32) + 4, 1, 1}}, depthwise + "{ num_output: 4 kernel_size: 1 }", "has 4294967300 channels"},
      {{{1, 1, 1, 1}},
       depthwise + "{ num_output: 1 kernel_size: 2 dilation: 1073741824 stride: 1073741824 pad: 1073741824 }",
       "no error"},
      {{image},
       deconvolution + "{ num_output: 2 kernel_size: 2 kernel_size: 2 kernel_size: 2 }",
       "kernel_size has 3 values for 2 spatial axes"},
      {{image},
       deconvolution + "{ num_output: 2 kernel_size: 2 kernel_h: 2 }",
       "kernel_size is given, and so is kernel_h"},
      {{image},
       depthwise + "{ num_output: 4 group: 2 kernel_size: 3 }",
       "group is 2; expected the number of channels, 4"},
      {{image}, depthwise + "{ num_output: 6 kernel_size: 3 }", "num_output 6 is not divisible by group 4"},
      {{image}, depthwise + "{ kernel_size: 3 }", "num_output is 0; expected a positive number"},
      {{image},
       by_channels + "{ num_output: 8 kernel_size: 3 }",
       "num_output is 8; expected the number of channels, 4"},
      {{image}, by_channels + "{ kernel_size: 4 }", "kernel 4x4 is larger than the padded input 3x3"},
      {{{1, 4}, image, {1, 4, 3, 2}},
       "type: 'Axpy'",
       "bottom 2 has the shape 1 4 3 2; expected that of bottom 1, 1 4 3 3"},
      {{{1, 3}, image, image},
       "type: 'Axpy'",
       "bottom 0 has the shape 1 3; expected a number for each of the 4 channels"},
      {{{1, 4, 1, 3}, image, image}, "type: 'Axpy'", "bottom 0 has the shape 1 4 1 3; expected a number for each"},
      {{image}, "type: 'SPP'", "pyramid_height is 0; expected 1 to"},
      {{{1, 4, 9}}, "type: 'SPP' spp_param { pyramid_height: 1 }", "the bottom has 3 axes (shape 1 4 9)"},
      {{image},
       "type: 'SPP' spp_param { pyramid_height: 3 }",
       "4 bins on an axis of 3 elements take 1 of padding on a side, a whole bin of 1"},
      {{image},
       "type: 'SPP' spp_param { pyramid_height: 2 pool: STOCHASTIC }",
       "STOCHASTIC knows no padding, and 2 bins on an axis of 3 elements take 1 on a side"},
      {{image},
       "type: 'Pooling' pooling_param { kernel_h: 2 }",
       "kernel_h is given without kernel_w; they belong together"},
      {{image},
       "type: 'Pooling' pooling_param { kernel_size: 2 pad: 2 }",
       "the pad, 2x2, must be smaller than the kernel"},
      {{image}, "type: 'Pooling' pooling_param { kernel_size: 0 }", "kernel_size is 0; expected 1 to"},
      {{image}, "type: 'Pooling' pooling_param { kernel_size: 2 stride: 0 }", "stride is 0; expected 1 to"},
      {{image}, "type: 'Pooling'", "no kernel_size is given"},
  };
  for (const Case& c : cases) {
    const std::string message = message_of([&] { net_of(net_text(c.bottoms, c.layer)); });
    EXPECT_NE(message.find(c.message), std::string::npos) << message << "\nexpected: " << c.message;
  }
}

// The net's outputs and gradients of one pass on keyed random numbers.
Seen pass(const std::string& text, Engine engine = Engine::plain, NetOptions options = {}) {
  options.engine = engine;
  options.output_diffs = {"y"};
  const auto net = net_of(text, options);
  for (const std::string& name : net->inputs()) fill_input(*net, name, 0.1, 1);
  fill_output_diff(*net, "y");
  net->forward();
  net->backward();
  return see(*net);
}

TEST(Spatial, TakesEmptyBatches) {
  const std::string settings = "convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: 'xavier' } }";
  for (const std::string& layer :
       {"type: 'Deconvolution' " + settings, "type: 'DepthwiseConvolution' " + settings,
        "type: 'ConvolutionDepthwise' " + settings, std::string("type: 'SPP' spp_param { pyramid_height: 2 }"),
        std::string("type: 'SPP' spp_param { pyramid_height: 2 pool: AVE }")}) {
    for (const Engine engine : {Engine::plain, Engine::onednn}) {
      const Seen seen = pass(net_text({{0, 4, 4, 4}}, layer), engine);
      EXPECT_TRUE(seen.at("output y").empty()) << layer;
      for (const auto& [name, values] : seen) {
        for (const real v : values) EXPECT_TRUE(name.find("diff") == std::string::npos || v == 0) << layer << name;
      }
    }
  }
  EXPECT_TRUE(pass(net_text({{0, 4}, {0, 4, 2, 2}, {0, 4, 2, 2}}, "type: 'Axpy'")).at("output y").empty());
  EXPECT_TRUE(pass(net_text({{2, 4}, {2, 4, 0, 2}, {2, 4, 0, 2}}, "type: 'Axpy'")).at("output y").empty());
}

// The plan may give y and its diff the memory of x or b and of their diffs.
TEST(Spatial, AxpyIsTheSameInPlace) {
  const std::vector<long> image = {2, 3, 4, 5};
  const std::string text = "force_backward: true " + input_text("a", {2, 3}) + input_text("x", image) +
                           input_text("b", image) +
                           "layer { name: 'f' type: 'Power' bottom: 'x' top: 'f' power_param { scale: 2 } }"
                           "layer { name: 'g' type: 'Power' bottom: 'b' top: 'g' power_param { scale: 3 } }"
                           "layer { name: 'L' type: 'Axpy' bottom: 'a' bottom: 'f' bottom: 'g' top: 't' }"
                           "layer { name: 'y' type: 'Power' bottom: 't' top: 'y' power_param { scale: 5 } }";
  EXPECT_TRUE(same(pass(text), pass(text, Engine::plain, unplanned())));
}

TEST(Spatial, GivesTheSameOnAnyNumberOfThreads) {
  const std::string settings =
      "convolution_param { num_output: 6 kernel_size: 3 stride: 2 pad: 1 weight_filler { type: "
      "'xavier' } bias_filler { type: 'uniform' } }";
  for (const std::string& layer : {"type: 'Deconvolution' " + settings, "type: 'DepthwiseConvolution' " + settings,
                                   std::string("type: 'SPP' spp_param { pyramid_height: 3 }"),
                                   std::string("type: 'SPP' spp_param { pyramid_height: 3 pool: STOCHASTIC }")}) {
    const auto on = [&](int threads) {
      const ThreadScope scope(threads);
      return pass(net_text({{20, 6, 16, 16}}, layer));
    };
    const Seen one = on(1);
    for (const int threads : {2, 3}) EXPECT_TRUE(same(on(threads), one)) << threads << " threads: " << layer;
  }
}

}  // namespace
}  // namespace crema

// Tests of layers that move elements that rows cannot express: errors, empty arrays, threads.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/parallel.h"
#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

using Dims = std::vector<long>;

std::string net_text(const std::vector<Dims>& bottoms, const std::string& layer, int tops = 1) {
  std::string text = "force_backward: true ", names;
  for (size_t i = 0; i < bottoms.size(); ++i) {
    text += input_text(fmt::format("x{}", i), bottoms[i]);
    names += fmt::format(" bottom: 'x{}'", i);
  }
  for (int t = 0; t < tops; ++t) names += fmt::format(" top: 'y{}'", t);
  return text + fmt::format("layer {{ name: 'L' {} {} }}\n", names, layer);
}

struct Case {
  std::vector<Dims> bottoms;
  std::string layer;
  int tops;
  std::string message;
};

class Refused : public testing::TestWithParam<Case> {};

TEST_P(Refused, WithTheReason) {
  const Case& c = GetParam();
  const std::string message = message_of([&] { net_of(net_text(c.bottoms, c.layer, c.tops)); });
  EXPECT_NE(message.find(c.message), std::string::npos) << message;
}

const Dims kImage = {1, 4, 3, 3};

INSTANTIATE_TEST_SUITE_P(
    Shape, Refused,
    testing::Values(
        Case{{kImage}, "type: 'Slice' slice_param { axis: 1 slice_dim: 1 }", 1, "axis and slice_dim are both given"},
        Case{{kImage}, "type: 'Slice'", 3, "size 4 along the axis is not divisible by 3 tops"},
        Case{{kImage}, "type: 'Slice' slice_param { slice_point: 1 }", 3, "1 slice_point for 3 tops; expected 2"},
        Case{{kImage},
             "type: 'Slice' slice_param { slice_point: 2 slice_point: 2 }",
             3,
             "slice_point 2 2 must rise from 1 to below the size along the axis, 4"},
        Case{{kImage}, "type: 'Slice' slice_param { slice_point: 5 }", 2, "below the size along the axis, 4"},
        Case{{kImage}, "type: 'Slice' slice_param { slice_dim: 4 }", 2, "slice_dim 4 is out of range"},
        Case{{kImage}, "type: 'Tile'", 1, "tiles is 0"},
        Case{{{1, 1L << 34}},
             "type: 'Tile' tile_param { tiles: 2147483647 }",
             1,
             "the tiled axis, 17179869184 times 2147483647, is too large"},
        Case{{{0, 1, 1L << 40, 1}},
             "type: 'Upsample' upsample_param { scale: 2147483647 }",
             1,
             "the top's height, 1099511627776 times 2147483647, is too large"},
        Case{{{0, 1, 1L << 40, 1}},
             "type: 'Upsample' upsample_param { scale: 1 }",
             1,
             "a top of 1099511627776x1 is too large"},
        Case{{{0, 1, 1, 1L << 40}},
             "type: 'Reorg' reorg_param { stride: 4194303 reverse: true }",
             1,
             "channels are not divisible"},
        Case{{{1, 1, 1, 1}, {0, 1, 1, 1L << 40}},
             "type: 'Interp'",
             1,
             "from 1x1 to 1x1099511627776: such an image is too large"},
        Case{{{1, 1, 2147483647, 1}},
             "type: 'Interp' interp_param { zoom_factor: 2147483647 }",
             1,
             "the size zoomed, 2147483646 times 2147483646, is too large"},
        Case{{kImage}, "type: 'Tile' tile_param { axis: 4 tiles: 2 }", 1, "axis"},
        Case{{kImage, {1, 4, 3}}, "type: 'Crop'", 1, "1 4 3"},
        Case{{kImage, {1, 4, 3, 2}}, "type: 'Crop' crop_param { offset: 1 }", 1, "reach beyond"},
        Case{{kImage, kImage}, "type: 'Crop' crop_param { axis: 1 offset: 0 offset: 0 }", 1, "2 offsets for 3 cropped"},
        Case{{kImage}, "type: 'Reshape' reshape_param { shape { dim: 5 dim: -1 } }", 1, "36 elements"},
        Case{{kImage}, "type: 'Reshape' reshape_param { shape { dim: 35 } }", 1, "35"},
        Case{{kImage}, "type: 'Reshape' reshape_param { shape { dim: -1 dim: -1 } }", 1, "-1"},
        Case{{kImage}, "type: 'Reshape' reshape_param { shape { dim: -2 } }", 1, "-2"},
        Case{{kImage}, "type: 'Reshape' reshape_param { shape { dim: 36 } axis: 5 }", 1, "axis 5 is out of range"},
        Case{{kImage}, "type: 'Reshape' reshape_param { axis: 2 num_axes: 3 }", 1, "num_axes is 3 from axis 2 on"},
        Case{{kImage}, "type: 'Permute' permute_param { order: 1 order: 1 }", 1, "names axis 1 twice"},
        Case{{kImage}, "type: 'Permute' permute_param { order: 4 }", 1, "names axis 4"},
        Case{{kImage}, "type: 'ShuffleChannel' shuffle_channel_param { group: 3 }", 1, "not divisible by group 3"},
        Case{{kImage}, "type: 'ShuffleChannel' shuffle_channel_param { group: 0 }", 1, "group is 0"},
        Case{{{3}}, "type: 'ShuffleChannel'", 1, "no axis 1 for channels"},
        Case{{kImage}, "type: 'Reorg'", 1, "height 3 and width 3 are not divisible by stride 2"},
        Case{{{1, 2, 4, 4}}, "type: 'Reorg'", 1, "2 channels are not divisible by the square of stride 2"},
        Case{{kImage}, "type: 'Reorg' reorg_param { stride: 0 }", 1, "stride is 0"},
        Case{{{4, 4}}, "type: 'Reorg'", 1, "2 axes"},
        Case{{kImage}, "type: 'Im2col' convolution_param { kernel_size: 4 }", 1, "4"},
        Case{{kImage}, "type: 'Upsample' upsample_param { upsample_h: 4 }", 1, "upsample_h and upsample_w belong"},
        Case{{kImage}, "type: 'Upsample' upsample_param { upsample_h: 4 upsample_w: 2 }", 1, "4x2, would be smaller"},
        Case{{kImage}, "type: 'Upsample' upsample_param { scale: 0 }", 1, "the scale is 0x0"},
        Case{{kImage}, "type: 'Upsample' upsample_param { scale_w: 3 pad_out_w: true }", 1, "pad_out_w goes with"},
        Case{{kImage},
             "type: 'Upsample' upsample_param { scale_h: 2 upsample_h: 4 upsample_w: 4 }",
             1,
             "upsample_h and upsample_w give the size"},
        Case{{kImage, {1, 4, 3, 2}}, "type: 'Upsample'", 1, "the mask has shape 1 4 3 2, bottom 0 has 1 4 3 3"},
        Case{{{4, 4}}, "type: 'Upsample'", 1, "2 axes"},
        Case{{kImage}, "type: 'Interp'", 1, "0 of height and width, the factors, and a second bottom"},
        Case{{kImage, kImage}, "type: 'Interp' interp_param { zoom_factor: 2 }", 1, "2 of height and width"},
        Case{{kImage}, "type: 'Interp' interp_param { height: 2 width: 2 zoom_factor: 2 }", 1, "2 of height and width"},
        Case{{kImage}, "type: 'Interp' interp_param { height: 2 }", 1, "height and width belong together"},
        Case{{kImage}, "type: 'Interp' interp_param { zoom_factor: 2 pad_end: 1 }", 1, "must be 0 or less"},
        Case{
            {kImage}, "type: 'Interp' interp_param { zoom_factor: 0 }", 1, "zoom_factor and shrink_factor are 0 and 1"},
        Case{{kImage}, "type: 'Interp' interp_param { zoom_factor: 2 pad_end: -3 }", 1, "nothing is left"}),
    [](const auto& info) { return fmt::format("case_{}", info.index); });

TEST(Unpooling, RefusesPlacesOutsideOfThePlane) {
  const auto net = net_of(net_text({{2, 3, 1, 2}, {2, 3, 1, 2}}, "type: 'Upsample'"));
  for (const auto& [bad, text] : std::vector<std::pair<float, std::string>>{{8.f, "8"}, {-1.f, "-1"}, {0.5f, "0.5"}}) {
    std::vector<float> mask(12, 7);
    mask[9] = bad;
    set_input(*net, "x1", mask);
    const std::string message = message_of([&] { net->forward(); });
    const std::string expected = "record 1, channel 1: the mask is " + text + "; expected a whole number from 0 to 7";
    EXPECT_NE(message.find(expected), std::string::npos) << message;
  }
}

TEST(Unpooling, GivesEachOfTwoAtOnePlaceItsGradient) {
  NetOptions options;
  options.output_diffs = {"y0"};
  const auto net = net_of(net_text({{1, 2, 1, 3}, {1, 2, 1, 3}}, "type: 'Upsample'"), options);
  set_input(*net, "x0", {1, 2, 3, 4, 5, 6});
  set_input(*net, "x1", {4, 11, 4, 0, 7, 2});
  for (int i = 0; i < 24; ++i) net->output_diff("y0").mutable_diff()[i] = static_cast<real>(i);
  net->forward();
  net->backward();
  const Seen seen = see(*net);
  EXPECT_EQ(seen.at("output y0"),
            (std::vector<real>{0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 2, 4, 0, 6, 0, 0, 0, 0, 5, 0, 0, 0, 0}));
  EXPECT_EQ(seen.at("diff of input x0"), (std::vector<real>{4, 11, 4, 12, 19, 14}));
}

Seen pass(const std::string& text) {
  NetOptions options;
  options.output_diffs = {"y0"};
  const auto net = net_of(text, options);
  for (const std::string& name : net->inputs()) fill_input(*net, name);
  if (text.find("bottom: 'x1'") != std::string::npos && text.find("Upsample") != std::string::npos) {
    std::vector<float> mask(static_cast<size_t>(net->input("x1").count()));
    for (size_t i = 0; i < mask.size(); ++i) mask[i] = static_cast<float>(i * 7 % 60);
    set_input(*net, "x1", mask);
  }
  fill_output_diff(*net, "y0");
  net->forward();
  net->backward();
  return see(*net);
}

TEST(Shape, TakesEmptyBatches) {
  const Dims none = {0, 4, 2, 2};
  for (const std::string layer :
       {"Slice'", "Tile' tile_param { tiles: 2 }", "Reshape' reshape_param { shape { dim: 0 dim: 16 } }",
        "Permute' permute_param { order: 3 order: 1 }", "ShuffleChannel' shuffle_channel_param { group: 2 }", "Reorg'",
        "Reorg' reorg_param { reverse: true }", "Upsample'", "Interp' interp_param { zoom_factor: 2 }",
        "Im2col' convolution_param { kernel_size: 2 }"}) {
    EXPECT_TRUE(pass(net_text({none}, "type: '" + layer)).at("output y0").empty()) << layer;
  }
  EXPECT_TRUE(pass(net_text({none, none}, "type: 'Crop'")).at("output y0").empty());
  EXPECT_TRUE(pass(net_text({none, none}, "type: 'Upsample'")).at("output y0").empty());
  EXPECT_TRUE(pass(net_text({none, none}, "type: 'Interp'")).at("output y0").empty());
  EXPECT_TRUE(pass(net_text({{2, 0}}, "type: 'Slice'")).at("output y0").empty());
  EXPECT_TRUE(pass(net_text({{2, 3, 0}}, "type: 'Permute' permute_param { order: 2 }")).at("output y0").empty());
  EXPECT_TRUE(pass(net_text({{2, 3, 0, 4}}, "type: 'Upsample'")).at("output y0").empty());
}

// Large enough for several threads, and for several tiles of a transposition, the last of them partial.
TEST(Shape, GivesTheSameOnAnyNumberOfThreads) {
  const Dims image = {3, 36, 14, 22};
  const std::vector<std::pair<std::vector<Dims>, std::string>> cases = {
      {{image}, "Slice' slice_param { slice_point: 7 }"},
      {{image}, "Tile' tile_param { tiles: 3 }"},
      {{{30000, 1}}, "Tile' tile_param { tiles: 3 }"},
      {{image, {1, 1, 11, 13}}, "Crop' crop_param { offset: 2 }"},
      {{image}, "Permute' permute_param { order: 0 order: 2 order: 3 order: 1 }"},
      {{image}, "Permute' permute_param { order: 3 order: 2 order: 1 order: 0 }"},
      {{{3, 20001}}, "Permute' permute_param { order: 1 }"},
      {{{20001, 3}}, "Permute' permute_param { order: 1 }"},
      {{image}, "ShuffleChannel' shuffle_channel_param { group: 4 }"},
      {{image}, "Reorg'"},
      {{image}, "Upsample'"},
      {{image, image}, "Upsample'"},
      {{image}, "Interp' interp_param { height: 31 width: 17 }"},
      {{image}, "Im2col' convolution_param { kernel_size: 3 }"}};
  for (const auto& [bottoms, layer] : cases) {
    const std::string text = net_text(bottoms, "type: '" + layer, layer.starts_with("Slice") ? 2 : 1);
    const auto on = [&](int threads) {
      const ThreadScope scope(threads);
      return pass(text);
    };
    const Seen one = on(1);
    for (const int threads : {2, 3, 5}) EXPECT_TRUE(same(on(threads), one)) << threads << " threads: " << layer;
  }
}

// With any tiles, a permutation puts each element in the place that its definition gives.
TEST(Permute, MovesEveryElement) {
  const Dims x = {2, 17, 3, 35};
  std::vector<int> order = {0, 1, 2, 3};
  do {
    std::string text = "type: 'Permute' permute_param {";
    for (const int axis : order) text += fmt::format(" order: {}", axis);
    const auto net = net_of(net_text({x}, text + " }"));
    std::vector<float> values(2 * 17 * 3 * 35);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    set_input(*net, "x0", values);
    net->forward();
    const real* y = net->value("y0").data();
    const long strides[] = {17 * 3 * 35, 3 * 35, 35, 1};
    long wrong = 0;
    for (long a = 0; a < x[order[0]]; ++a) {
      for (long b = 0; b < x[order[1]]; ++b) {
        for (long c = 0; c < x[order[2]]; ++c) {
          for (long d = 0; d < x[order[3]]; ++d) {
            const long from =
                a * strides[order[0]] + b * strides[order[1]] + c * strides[order[2]] + d * strides[order[3]];
            wrong += *y++ != static_cast<real>(from) ? 1 : 0;
          }
        }
      }
    }
    EXPECT_EQ(wrong, 0) << text;
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace
}  // namespace crema

// Every layer type, as the tables of rows configure it, on bottoms of all kinds of shapes: it works, or it throws
// Error. Also: a net that is only planned takes almost no memory.
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <algorithm>
#include <set>

#include "core/layer.h"
#include "rows/rows.h"
#include "support/golden.h"
#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

using Dims = std::vector<long>;

const std::vector<Dims> kShapes = {{},           {0},          {3},          {1, 1},       {2, 3},         {3, 0},
                                   {0, 3},       {1, 2, 4},    {2, 3, 4},    {2, 0, 4},    {2, 3, 4, 4},   {0, 3, 4, 4},
                                   {2, 0, 4, 4}, {2, 3, 0, 4}, {2, 3, 4, 0}, {1, 1, 1, 1}, {1, 2, 3, 2, 2}};

// The rows' layers, each once, with the shapes that a row gives it.
std::map<std::string, std::vector<Dims>> rows_by_layer() {
  std::map<std::string, std::vector<Dims>> rows;
  for (const GradientRow& row : gradient_rows()) rows[row.layer] = row.bottoms;
  for (const ForwardRow& row : forward_rows()) {
    auto& bottoms = rows[row.layer];
    bottoms.clear();
    for (const Literal& bottom : row.bottoms) bottoms.push_back(bottom.dims);
  }
  return rows;
}

// Lists of bottoms: all of one shape; the row's with one of them changed, left out or added; of two, every pair.
std::vector<std::vector<Dims>> bottoms_like(const std::vector<Dims>& row) {
  std::vector<std::vector<Dims>> all = {row};
  for (const Dims& shape : kShapes) {
    for (size_t n = 1; n <= row.size() + 1; ++n) all.emplace_back(n, shape);
    for (size_t b = 0; b < row.size(); ++b) {
      all.push_back(row);
      all.back()[b] = shape;
    }
    all.push_back(row);
    all.back().push_back(shape);
    for (const Dims& other : row.size() == 2 ? kShapes : std::vector<Dims>()) all.push_back({shape, other});
  }
  if (row.size() > 1) all.emplace_back(row.begin(), row.end() - 1);
  return all;
}

std::string net_text(const std::vector<Dims>& bottoms, const std::string& layer, int tops) {
  std::string text = "force_backward: true ", names;
  for (size_t b = 0; b < bottoms.size(); ++b) {
    text += input_text(fmt::format("x{}", b), bottoms[b]);
    names += fmt::format(" bottom: 'x{}'", b);
  }
  for (int t = 0; t < tops; ++t) names += fmt::format(" top: 'y{}'", t);
  return text + "layer { name: 'L' " + layer + names + " }\n";
}

// Runs one pass on small whole numbers and returns what can be seen. Must throw nothing but Error.
Seen pass(Net& net) {
  for (const std::string& name : net.inputs()) {
    Blob& x = net.input(name);
    for (long i = 0; i < x.count(); ++i) x.mutable_data()[i] = static_cast<real>(i % 2);
  }
  for (const NetParameterInfo& info : net.parameters()) info.parameter->forget_diff();
  net.forward();
  net.backward();
  return see(net);
}

// Of the layer's tops those that may be named.
int tops_of(const std::string& layer, size_t bottoms) {
  LayerParameter config = parse_layer(layer);
  for (size_t b = 0; b < bottoms; ++b) config.add_bottom("x");
  return std::max(1, create_layer(config)->contract().min_tops);
}

TEST(AnyShape, WorksOrIsRefused) {
  std::map<std::string, int> worked;
  bool by_engine = true;
  for (const auto& [layer, row] : rows_by_layer()) {
    if (row.empty()) continue;  // a source
    const std::string type = parse_layer(layer).type();
    for (const auto& bottoms : bottoms_like(row)) {
      const std::string text = net_text(bottoms, layer, tops_of(layer, bottoms.size()));
      NetOptions options;
      if (by_engine) options.engine = Engine::plain;
      by_engine = !by_engine;  // engines alternate, since running all rows on both takes too long
      try {
        const auto net = net_of(text, options);
        ++worked[type];
        pass(*net);
      } catch (const Error&) {
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what() << " from " << text;
      }
    }
  }
  for (const auto& [type, times] : worked) EXPECT_GT(times, 0) << type;
  EXPECT_GT(worked.size(), 60u);
}

// A net that is reshaped again and again, to shapes that it takes or refuses, is in the end as it was before.
TEST(AnyShape, IsTakenBack) {
  for (const auto& [layer, row] : rows_by_layer()) {
    const LayerParameter config = parse_layer(layer);
    const std::set<std::string> remember = {"BatchNorm", "BN", "LSTM", "RNN"};
    if (row.empty() || remember.contains(config.type())) continue;
    std::unique_ptr<Net> net;
    Seen expected;
    try {
      net = net_of(net_text(row, layer, tops_of(layer, row.size())), {});
      net->set_passes(3);
      expected = pass(*net);
    } catch (const Error&) {
      continue;  // a missing file, an invalid label
    }
    std::map<std::string, Shape> before;
    for (size_t b = 0; b < row.size(); ++b) before[fmt::format("x{}", b)] = Shape(row[b]);
    for (const Dims& shape : kShapes) {
      for (size_t b = 0; b < row.size(); ++b) {
        auto inputs = before;
        inputs[fmt::format("x{}", b)] = Shape(shape);
        const bool taken = message_of([&] { net->reshape(inputs); }) == "no error";
        if (taken) message_of([&] { pass(*net); });
        if (taken) net->reshape(before);
      }
    }
    net->set_passes(3);
    EXPECT_TRUE(same(pass(*net), expected)) << layer;
  }
}

// --- nets without memory ---------------------------------------------------------------------------------------------

long peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

TEST(PlannedNets, TakeNoMemory) {
  struct Case {
    std::vector<Dims> bottoms;
    std::string layer;
  };
  constexpr long kMany = 2147483647;
  const std::vector<Case> cases = {
      {{{1, kMany}}, "type: 'Embed' embed_param { input_dim: 1 num_output: 1 }"},
      {{{10}}, "type: 'Embed' embed_param { input_dim: 16777216 num_output: 1000 }"},
      {{{1, 1, 1, 1}}, "type: 'Interp' interp_param { height: 1 width: 2147483647 }"},
      {{{1, 1, 1, kMany}}, "type: 'Pooling' pooling_param { pool: MAX kernel_h: 1 kernel_w: 2 engine: CAFFE }"},
      {{{1, 1, 1, kMany}}, "type: 'Pooling' pooling_param { pool: MAX kernel_h: 1 kernel_w: 2 }"},
      {{{1, 1, 1, kMany}}, "type: 'Pooling' pooling_param { pool: AVE kernel_h: 1 kernel_w: 2 engine: CAFFE }"},
      {{{1, 1, 1, kMany}}, "type: 'SPP' spp_param { pyramid_height: 1 }"},
      {{{0, 1, 1L << 30, 1}}, "type: 'Upsample' upsample_param { scale: 1 }"},
      {{{1, 1, 1, 1 << 29}}, "type: 'Upsample'"},
      {{{1, kMany}, {1}}, "type: 'SoftmaxWithLoss'"},
      {{{kMany, 2}, {kMany}}, "type: 'SoftmaxWithLoss'"},
      {{{kMany, 2}, {kMany}}, "type: 'FocalLoss'"},
      {{{kMany, 2}, {kMany}, {2, 2}}, "type: 'InfogainLoss'"},
      {{{kMany, 2}, {kMany}}, "type: 'HingeLoss'"},
      {{{kMany, 2}, {kMany}}, "type: 'MultinomialLogisticLoss'"},
      {{{kMany, 2}, {kMany, 2}, {kMany}}, "type: 'ContrastiveLoss'"},
      {{{kMany, 2}, {kMany, 2}}, "type: 'L1Loss' l1_loss_param { l2_per_location: true }"},
      {{{kMany, 2}, {kMany}}, "type: 'Accuracy'"},
      {{{1, kMany}, {1}}, "type: 'Accuracy'"},
      {{{1, 1 << 24}}, "type: 'ArgMax' argmax_param { top_k: 16777216 }"},
      {{{kMany, 2}, {kMany}}, "type: 'Filter'"},
      {{{2, 2}, {kMany}}, "type: 'BatchReindex'"},
      {{{kMany}, {kMany}}, "type: 'Eltwise' eltwise_param { operation: MAX }"},
      {{{2, kMany}}, "type: 'BatchNorm'"},
      {{{2, kMany}}, "type: 'BN'"},
      {{{2, kMany, 2}}, "type: 'Scale'"},
      {{{2, kMany}}, "type: 'Bias'"},
      {{{2, kMany}}, "type: 'PReLU'"},
      {{{kMany, 2}}, "type: 'LayerNorm'"},
      {{{kMany, 2}}, "type: 'MVN'"},
      {{{kMany, 2, 2}}, "type: 'GroupNorm' group_norm_param { group_num: 2 }"},
      {{{kMany, 2, 2}}, "type: 'Normalize' norm_param { across_spatial: false }"},
      {{{2, 3, 1 << 15, 1 << 15}}, "type: 'LRN'"},
      {{{2, 1 << 20, 16}}, "type: 'Attention' attention_param { num_heads: 2 }"},
      {{{1 << 20, 1 << 8, 3}, {1 << 20, 1 << 8}}, "type: 'LSTM' recurrent_param { num_output: 8 }"},
      {{{2, 1 << 28, 3}, {2, 1 << 28}}, "type: 'RNN' recurrent_param { num_output: 8 }"},
      {{{1, 1 << 28, 1}, {1, 1 << 28, 4}, {1, 1 << 28}}, "type: 'LSTMUnit'"},
      {{{2, 2, 1 << 15, 1 << 15}}, "type: 'Convolution' convolution_param { num_output: 2 kernel_size: 3 }"},
      {{{2, 2, 1 << 15, 1 << 15}},
       "type: 'DepthwiseConvolution' convolution_param { num_output: 2 kernel_size: 3 engine: CAFFE }"},
      {{{1, 1, 1 << 30, 1}},
       "type: 'DepthwiseConvolution' convolution_param { num_output: 1 kernel_h: 3 kernel_w: 1 engine: CAFFE }"},
      {{{1, 1, 4096, 4096}},
       "type: 'DepthwiseConvolution' convolution_param { num_output: 1 kernel_size: 1024 engine: CAFFE }"},
      {{{1 << 20, 1 << 10}}, "type: 'InnerProduct' inner_product_param { num_output: 1048576 }"},
      {{{kMany, 2}}, "type: 'Permute' permute_param { order: 1 }"},
      {{{2, 2}}, "type: 'Tile' tile_param { tiles: 2147483647 }"},
  };
  NetOptions options;
  options.memory = false;
  const long before = peak_megabytes();
  for (const Case& c : cases) {
    for (const Engine engine : {Engine::plain, default_engine()}) {
      for (const Phase phase : {TRAIN, TEST}) {
        options.engine = engine;
        const std::string message = message_of([&] {
          const auto net = net_of(net_text(c.bottoms, c.layer, tops_of(c.layer, c.bottoms.size())), options, phase);
          net->memory();
          net->reshape({});
        });
        EXPECT_EQ(message, "no error") << c.layer;
        EXPECT_LT(peak_megabytes() - before, 60) << c.layer;
      }
    }
  }
}

}  // namespace
}  // namespace crema

// The engine's convolutions with strides, and those with few channels, against the plain path: every pass, for every
// number of channels up to 20, with strides that divide the image's size and strides that do not.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/parallel.h"
#include "math/checked_engine.h"
#include "math/engine_bounds.h"
#include "support/engine_layers.h"
#include "support/golden.h"
#include "support/nets.h"

namespace crema {
namespace {

#ifdef CREMA_WITH_ONEDNN

struct Strides {
  std::vector<long> kernel, stride, pad;
};

std::string text_of(const Strides& row) {
  return fmt::format("kernel_{}_stride_{}_pad_{}", fmt::join(row.kernel, "x"), fmt::join(row.stride, "x"),
                     fmt::join(row.pad, "x"));
}

void PrintTo(const Strides& row, std::ostream* out) { *out << text_of(row); }

std::vector<Strides> all_strides() {
  std::vector<Strides> rows;
  for (const long kernel : {1, 3}) {
    for (const long pad : {0, 1}) {
      for (const long stride : {1, 2, 3}) rows.push_back({{kernel, kernel}, {stride, stride}, {pad, pad}});
    }
    rows.push_back({{kernel, kernel}, {1, 2}, {0, 0}});
    rows.push_back({{kernel, kernel}, {3, 1}, {0, 0}});
    rows.push_back({{kernel}, {2}, {0}});
    rows.push_back({{kernel, kernel, kernel}, {2, 2, 2}, {0, 0, 0}});
  }
  return rows;
}

ConvolutionProblem problem(const Strides& row, long batch, long channels, long outputs, long size) {
  const int axes = static_cast<int>(row.kernel.size());
  std::vector<long> bottom = {batch, channels}, top = {batch, outputs}, weights = {outputs, channels};
  ConvolutionProblem p;
  p.windows = {row.kernel, row.stride, row.pad, std::vector<long>(axes, 1)};
  for (int a = 0; a < axes; ++a) {
    bottom.push_back(size + a % 2 * 6);
    top.push_back(p.windows.positions(a, bottom.back()));
    weights.push_back(row.kernel[a]);
  }
  p.bottom = Shape(bottom);
  p.top = Shape(top);
  p.weights = Shape(weights);
  p.bias = channels % 2 == 0;
  return p;
}

void expect_right(const ConvolutionProblem& p) {
  const auto engine = EngineConvolution::create(p);
  if (!engine) return;  // the layer takes the plain path
  EXPECT_LT(error_of_forward(*engine, p), 1e-5) << engine->implementation();
  EXPECT_LT(error_of_backward_data(*engine, p), 1e-5) << engine->backward_data_implementation();
  EXPECT_LT(error_of_backward_weights(*engine, p), 1e-5) << engine->backward_weights_implementation();
}

class EngineStrides : public testing::TestWithParam<Strides> {};

TEST_P(EngineStrides, AgreeWithThePlainPath) {
  const ThreadScope one(1);  // a team of threads would mostly wait for each other
  for (const long size : {12, 13}) {
    for (long channels = 1; channels <= 20; ++channels) {
      for (const long outputs : {16L, 21 - channels}) {
        const ConvolutionProblem p = problem(GetParam(), 3, channels, outputs, size);
        SCOPED_TRACE(fmt::format("{} to {}", p.bottom.str(), p.top.str()));
        expect_right(p);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, EngineStrides, testing::ValuesIn(all_strides()),
                         [](const auto& info) { return text_of(info.param); });

// The problems are so large that a kernel that writes past its scratchpad reaches other memory: that gives wrong
// numbers, a crash, or threads that wait for each other for ever.
TEST(EngineStrides, KeepToTheirMemory) {
  for (const int threads : {1, 2}) {
    const ThreadScope some(threads);
    for (const long channels : {1, 2, 3, 4, 6, 7, 8, 12, 15}) {
      SCOPED_TRACE(fmt::format("{} channels on {} threads", channels, threads));
      expect_right(problem({{1, 1}, {2, 2}, {0, 0}}, 8, channels, 12, 56));
    }
  }
}

// A step of training: the gradients of a net.
TEST(EngineStrides, TrainAsThePlainPathDoes) {
  const std::string text = input_text("x", {4, 3, 56, 56}) + "layer { name: 'L' bottom: 'x' top: 'y' " +
                           convolution("num_output: 10 kernel_size: 1 stride: 2") + " }";
  std::map<Engine, Seen> seen;
  for (const Engine engine : {Engine::plain, Engine::onednn}) {
    const auto net = net_of(text, {.engine = engine, .output_diffs = {"y"}});
    fill_input(*net, "x");
    fill_output_diff(*net, "y");
    net->forward();
    net->backward();
    seen[engine] = see(*net);
  }
  for (const auto& [name, values] : seen[Engine::plain]) {
    EXPECT_LT(difference(seen[Engine::onednn].at(name), values), 1e-5) << name;
  }
}

TEST(EngineBounds, KeepWhatIntCannotCountFromTheEngine) {
  EXPECT_TRUE(engine_takes({Shape{64, 3, 224, 224}, Shape{1, 2048, 7, 7}, Shape{1000, 25088}, Shape{3}, Shape{}}));
  EXPECT_TRUE(engine_takes({Shape{1L << 20, 1024}}));
  EXPECT_FALSE(engine_takes({Shape{1, (1L << 38) - 1, 1, 1}}));
  EXPECT_FALSE(engine_takes({Shape{1, (1L << 31) - 1, 1, 1}}));  // rounded up to blocks, one more than int can hold
  EXPECT_FALSE(engine_takes({Shape{1, 3, 1L << 15, 1L << 14}}));
  EXPECT_FALSE(engine_takes({Shape{1L << 31, 1}}));
  EXPECT_TRUE(engine_takes(Windows{{3, 3}, {1, 1}, {1, 1}, {1, 1}}));
  EXPECT_FALSE(engine_takes(Windows{{3, 3}, {1, 1L << 31}, {1, 1}, {1, 1}}));
  EXPECT_FALSE(engine_takes(Windows{{3}, {1}, {1L << 15}, {1}}));
}

// Problems for which oneDNN would divide by zero or miscount.
TEST(EngineBounds, HoldForEveryLayerOnTheEngine) {
  const std::vector<long> channels = {1, (1L << 38) - 1, 1, 1};
  const struct {
    std::vector<long> bottom;
    int bottoms;
    std::string layer;
  } rows[] = {
      {channels, 1, convolution("num_output: 4 kernel_size: 1")},
      {channels, 1, deconvolution("num_output: 4 kernel_size: 1")},
      {channels, 1, pooling("pool: AVE global_pooling: true")},
      {channels, 1, inner_product("num_output: 4")},
      {channels, 2, eltwise("operation: SUM")},
      {channels, 2, "type: 'Concat'"},
      {{1, 1, 1L << 36, 1}, 1, convolution("num_output: 4 kernel_size: 1")},
      {{1, 1, 1, 64}, 1, convolution("num_output: 2147483648 kernel_size: 1")},
      {{1, 1, 1, 64}, 1, convolution("num_output: 1 kernel_size: 1 stride: 1073741824")},
      {{1, 1, 1, 64}, 1, deconvolution("num_output: 1 kernel_size: 1 stride: 536870912")},
  };
  for (const auto& row : rows) {
    std::string text, bottoms;
    for (int b = 0; b < row.bottoms; ++b) {
      text += input_text(fmt::format("x{}", b), row.bottom);
      bottoms += fmt::format(" bottom: 'x{}'", b);
    }
    SCOPED_TRACE(row.layer);
    const auto net = net_of(text + "layer { name: 'L' top: 'y'" + bottoms + " " + row.layer + " }",
                            {.engine = Engine::onednn, .memory = false});
    EXPECT_EQ(net->layer(net->layer_index("L")).implementation(), "plain");
  }
}

#endif

}  // namespace
}  // namespace crema

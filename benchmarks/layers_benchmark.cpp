// One layer at a time, forward and backward, on the plain path and on the engine. Machines are noisy: compare the two
// engines of one run, not times of different runs.
//   cmake --preset release -DCREMA_BENCHMARKS=ON && cmake --build build/release
//   build/release/benchmarks/layers_benchmark --benchmark_filter=conv
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "base/random.h"
#include "core/net.h"

namespace crema {
namespace {

struct Row {
  const char* name;
  const char* shape;  // of the bottom, as the text of a BlobShape
  const char* layer;
};

const Row kRows[] = {
    {"conv_lenet_1", "dim: 64 dim: 1 dim: 28 dim: 28",
     "type: 'Convolution' convolution_param { num_output: 20 kernel_size: 5 }"},
    {"conv_lenet_2", "dim: 64 dim: 20 dim: 12 dim: 12",
     "type: 'Convolution' convolution_param { num_output: 50 kernel_size: 5 }"},
    {"conv_3x3_64", "dim: 8 dim: 64 dim: 56 dim: 56",
     "type: 'Convolution' convolution_param { num_output: 64 kernel_size: 3 pad: 1 }"},
    {"depthwise_3x3_128", "dim: 8 dim: 128 dim: 28 dim: 28",
     "type: 'Convolution' convolution_param { num_output: 128 group: 128 kernel_size: 3 pad: 1 }"},
    {"depthwise_3x3_128_stride", "dim: 8 dim: 128 dim: 28 dim: 28",
     "type: 'Convolution' convolution_param { num_output: 128 group: 128 kernel_size: 3 pad: 1 stride: 2 }"},
    {"deconv_4x4_64", "dim: 8 dim: 64 dim: 28 dim: 28",
     "type: 'Deconvolution' convolution_param { num_output: 32 kernel_size: 4 stride: 2 pad: 1 }"},
    {"inner_product_800_500", "dim: 64 dim: 800", "type: 'InnerProduct' inner_product_param { num_output: 500 }"},
    {"pool_max_2x2", "dim: 64 dim: 20 dim: 24 dim: 24", "type: 'Pooling' pooling_param { kernel_size: 2 stride: 2 }"},
    {"relu", "dim: 8 dim: 64 dim: 56 dim: 56", "type: 'ReLU'"},
    {"batch_norm", "dim: 8 dim: 64 dim: 56 dim: 56", "type: 'BatchNorm'"},
    {"softmax", "dim: 64 dim: 1000", "type: 'Softmax'"},
    {"lrn", "dim: 8 dim: 96 dim: 55 dim: 55", "type: 'LRN'"},
    {"sigmoid", "dim: 8 dim: 64 dim: 56 dim: 56", "type: 'Sigmoid'"},
    {"gelu", "dim: 8 dim: 64 dim: 56 dim: 56", "type: 'GELU'"},
    {"dropout", "dim: 128 dim: 4096", "type: 'Dropout'"},
};

// Whose value "y" takes a gradient of ones.
std::unique_ptr<Net> net_of(const std::string& text, const char* name, Engine engine) {
  NetState state;
  state.set_phase(TRAIN);
  NetOptions options;
  options.engine = engine;
  options.output_diffs = {"y"};
  auto net = std::make_unique<Net>(filter(parse_net(text, name), state), options);
  const Random random(1, "benchmark", name);
  Blob& x = net->input("x");
  for (long i = 0; i < x.count(); ++i)
    x.mutable_data()[i] = static_cast<real>(random.gaussian(static_cast<uint64_t>(i)));
  Blob& dy = net->output_diff("y");
  for (long i = 0; i < dy.count(); ++i) dy.mutable_diff()[i] = 1;
  return net;
}

std::string input_text(const char* shape) {
  return fmt::format(
      "force_backward: true layer {{ name: 'x' type: 'Input' top: 'x' input_param {{ shape {{ {} }} }} }}", shape);
}

std::unique_ptr<Net> make(const Row& row, Engine engine) {
  const std::string layer = fmt::format("layer {{ name: 'layer' bottom: 'x' top: 'y' {} }}", row.layer);
  return net_of(input_text(row.shape) + layer, row.name, engine);
}

// What a step costs beside its work: a long chain of layers on a single number.
void chain(benchmark::State& state) {
  constexpr int kLayers = 200;
  std::string text = input_text("dim: 1"), bottom = "x";
  for (int i = 0; i < kLayers; ++i) {
    const std::string top = i + 1 == kLayers ? "y" : fmt::format("y{}", i);
    text += fmt::format("layer {{ name: 'layer{}' type: 'Power' bottom: '{}' top: '{}' }}", i, bottom, top);
    bottom = top;
  }
  const auto net = net_of(text, "chain", default_engine());
  for (auto _ : state) {
    net->forward();
    net->backward();
  }
  state.counters["steps"] = benchmark::Counter(2 * kLayers, benchmark::Counter::kIsIterationInvariantRate);
}

void forward(benchmark::State& state, const Row& row, Engine engine) {
  const auto net = make(row, engine);
  for (auto _ : state) benchmark::DoNotOptimize(net->forward());
}

void forward_backward(benchmark::State& state, const Row& row, Engine engine) {
  const auto net = make(row, engine);
  for (auto _ : state) {
    net->forward();
    net->backward();
    for (auto& info : net->parameters()) info.parameter->forget_diff();
  }
}

}  // namespace
}  // namespace crema

int main(int argc, char** argv) {
  using namespace crema;
  for (const Row& row : kRows) {
    for (const Engine engine : {Engine::plain, default_engine()}) {
      const std::string name = fmt::format("{}/{}", row.name, engine == Engine::plain ? "plain" : "onednn");
      const auto add = [&](const char* what, auto run) {
        benchmark::RegisterBenchmark(fmt::format("{}/{}", name, what).c_str(), run, row, engine)
            ->Unit(benchmark::kMicrosecond)
            ->UseRealTime();
      };
      add("forward", forward);
      add("forward_backward", forward_backward);
      if (default_engine() == Engine::plain) break;
    }
  }
  benchmark::RegisterBenchmark("chain_of_200_layers", chain)->Unit(benchmark::kMicrosecond)->UseRealTime();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

// Measures one layer at a time, forward and backward, on the plain path and on the engine; also updates of parameters,
// and the machine's highest rates. Rates: flop/s of products alone, B/s of blobs and parameters that a forward pass
// reads or writes, each counted once. Machines are noisy: compare within one run, not times of different runs.
//   cmake --preset release -DCREMA_BENCHMARKS=ON && cmake --build build/release --target layers_benchmark
//   build/release/benchmarks/layers_benchmark --benchmark_filter=conv
#include <benchmark/benchmark.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "core/net.h"
#include "machine.h"
#include "solvers/optimizer.h"

namespace crema {
namespace {

struct Row {
  const char* name;
  std::vector<std::vector<long>> shapes;  // of the bottoms
  const char* layer;
  int classes = 0;  // > 0: the last bottom holds whole numbers below it
};

const std::vector<Row> kRows = {
    {"conv_lenet_1", {{64, 1, 28, 28}}, "type: 'Convolution' convolution_param { num_output: 20 kernel_size: 5 }"},
    {"conv_lenet_2", {{64, 20, 12, 12}}, "type: 'Convolution' convolution_param { num_output: 50 kernel_size: 5 }"},
    {"conv_1x1_256", {{8, 256, 56, 56}}, "type: 'Convolution' convolution_param { num_output: 64 kernel_size: 1 }"},
    {"conv_3x3_64",
     {{8, 64, 56, 56}},
     "type: 'Convolution' convolution_param { num_output: 64 kernel_size: 3 pad: 1 }"},
    {"conv_3x3_512",
     {{8, 512, 7, 7}},
     "type: 'Convolution' convolution_param { num_output: 512 kernel_size: 3 pad: 1 }"},
    {"conv_7x7_stem",
     {{8, 3, 224, 224}},
     "type: 'Convolution' convolution_param { num_output: 64 kernel_size: 7 stride: 2 pad: 3 }"},
    {"depthwise_3x3_128",
     {{8, 128, 28, 28}},
     "type: 'Convolution' convolution_param { num_output: 128 group: 128 kernel_size: 3 pad: 1 }"},
    {"depthwise_3x3_128_stride",
     {{8, 128, 28, 28}},
     "type: 'Convolution' convolution_param { num_output: 128 group: 128 kernel_size: 3 pad: 1 stride: 2 }"},
    {"deconv_4x4_64",
     {{8, 64, 28, 28}},
     "type: 'Deconvolution' convolution_param { num_output: 32 kernel_size: 4 stride: 2 pad: 1 }"},
    {"inner_product_800_500", {{64, 800}}, "type: 'InnerProduct' inner_product_param { num_output: 500 }"},
    {"inner_product_9216_4096", {{32, 9216}}, "type: 'InnerProduct' inner_product_param { num_output: 4096 }"},
    {"lstm_256",
     {{64, 32, 128}, {64, 32}},
     "type: 'LSTM' recurrent_param { num_output: 256 weight_filler { type: 'xavier' } }",
     2},
    {"embed_10000_256", {{64, 32}}, "type: 'Embed' embed_param { input_dim: 10000 num_output: 256 }", 10000},
    {"pool_max_2x2", {{64, 20, 24, 24}}, "type: 'Pooling' pooling_param { kernel_size: 2 stride: 2 }"},
    {"pool_max_3x3_stride", {{8, 64, 112, 112}}, "type: 'Pooling' pooling_param { kernel_size: 3 stride: 2 }"},
    {"pool_ave_global", {{8, 2048, 7, 7}}, "type: 'Pooling' pooling_param { pool: AVE global_pooling: true }"},
    {"relu", {{8, 64, 56, 56}}, "type: 'ReLU'"},
    {"sigmoid", {{8, 64, 56, 56}}, "type: 'Sigmoid'"},
    {"tanh", {{8, 64, 56, 56}}, "type: 'TanH'"},
    {"gelu", {{8, 64, 56, 56}}, "type: 'GELU'"},
    {"dropout", {{8, 64, 56, 56}}, "type: 'Dropout'"},
    {"eltwise_sum", {{8, 64, 56, 56}, {8, 64, 56, 56}}, "type: 'Eltwise'"},
    {"eltwise_product", {{8, 64, 56, 56}, {8, 64, 56, 56}}, "type: 'Eltwise' eltwise_param { operation: PROD }"},
    {"concat", {{8, 64, 56, 56}, {8, 32, 56, 56}, {8, 32, 56, 56}}, "type: 'Concat'"},
    {"batch_norm", {{8, 64, 56, 56}}, "type: 'BatchNorm'"},
    {"scale", {{8, 64, 56, 56}}, "type: 'Scale' scale_param { bias_term: true }"},
    {"layer_norm", {{2048, 256}}, "type: 'LayerNorm'"},
    {"lrn_across", {{8, 96, 55, 55}}, "type: 'LRN' lrn_param { alpha: 0.0001 beta: 0.75 }"},
    {"lrn_within", {{8, 32, 32, 32}}, "type: 'LRN' lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 }"},
    {"softmax", {{64, 1000}}, "type: 'Softmax'"},
    {"softmax_with_loss", {{64, 1000}, {64}}, "type: 'SoftmaxWithLoss'", 1000},
};

bool is_loss(const Row& row) { return std::string(row.layer).find("Loss'") != std::string::npos; }

std::string text_of(const Row& row) {
  std::string inputs, bottoms;
  for (size_t i = 0; i < row.shapes.size(); ++i) {
    inputs += fmt::format("layer {{ name: 'x{0}' type: 'Input' top: 'x{0}' input_param {{ shape {{ dim: [{1}] }} }} }}",
                          i, fmt::join(row.shapes[i], ", "));
    bottoms += fmt::format(" bottom: 'x{}'", i);
  }
  return fmt::format("force_backward: true {} layer {{ name: 'layer'{} top: 'y' {} }}", inputs, bottoms, row.layer);
}

std::unique_ptr<Net> make(const Row& row, Engine engine) {
  NetState state;
  state.set_phase(TRAIN);
  NetOptions options;
  options.engine = engine;
  if (!is_loss(row)) options.output_diffs = {"y"};
  auto net = std::make_unique<Net>(filter(parse_net(text_of(row), row.name), state), options);
  for (size_t k = 0; k < row.shapes.size(); ++k) {
    const Random random(1, "benchmark", row.name, k);
    const bool whole = row.classes > 0 && k + 1 == row.shapes.size();
    Blob& x = net->input(fmt::format("x{}", k));
    for (long i = 0; i < x.count(); ++i) {
      const auto element = static_cast<uint64_t>(i);
      x.mutable_data()[i] =
          static_cast<real>(whole ? std::floor(random.uniform(element) * row.classes) : random.gaussian(element));
    }
  }
  if (is_loss(row)) return net;
  Blob& dy = net->output_diff("y");
  for (long i = 0; i < dy.count(); ++i) dy.mutable_diff()[i] = 1;
  return net;
}

benchmark::Counter rate(double per_iteration) {
  return benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void forward(benchmark::State& state, const Row& row, Engine engine) {
  const auto net = make(row, engine);
  net->forward();  // creates what layers keep
  for (auto _ : state) benchmark::DoNotOptimize(net->forward());
  const int layer = net->layer_index("layer");
  const Layer& measured = net->layer(layer);
  double elements = 0;
  for (const Blob* blob : net->bottoms(layer)) elements += static_cast<double>(blob->storage());
  for (const Blob* blob : net->tops(layer)) elements += static_cast<double>(blob->storage());
  for (const Parameter& parameter : measured.parameters()) elements += static_cast<double>(parameter.count());
  const double products = measured.multiply_adds(net->bottoms(layer), net->tops(layer));
  state.counters["B/s"] = rate(elements * sizeof(real));
  if (products > 0) state.counters["flop/s"] = rate(2 * products);
}

void forward_backward(benchmark::State& state, const Row& row, Engine engine) {
  const auto net = make(row, engine);
  const auto pass = [&] {
    net->forward();
    net->backward();
    for (auto& info : net->parameters()) info.parameter->forget_diff();
  };
  pass();
  for (auto _ : state) pass();
}

// An update of a million parameters. Its bytes: weights and histories read and written, gradients read.
void update(benchmark::State& state, const char* type, int histories) {
  const Row row{
      "update", {{1, 1024}}, "type: 'InnerProduct' inner_product_param { num_output: 1024 bias_term: false }"};
  const auto net = make(row, Engine::plain);
  const SolverConfig config = parse_solver(
      fmt::format("type: '{}' base_lr: 0.001 momentum: 0.9 weight_decay: 0.0005 lr_policy: 'fixed'", type), "update");
  Optimizer optimizer(config, net->parameters());
  net->forward();
  net->backward();
  int iteration = 0;
  for (auto _ : state) {
    for (auto& info : net->parameters()) info.parameter->beta();  // the same gradient again
    optimizer.update(iteration++, 1e-6F);
  }
  state.counters["B/s"] = rate((3.0 + 2 * histories) * 1024 * 1024 * sizeof(real));
}

// The cost of a step apart from its work: a long chain of layers on a single number.
void chain(benchmark::State& state) {
  constexpr int kLayers = 200;
  std::string text = "force_backward: true layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 1 } } }";
  std::string bottom = "x";
  for (int i = 0; i < kLayers; ++i) {
    const std::string top = fmt::format("y{}", i);
    text += fmt::format("layer {{ name: '{1}' type: 'Power' bottom: '{0}' top: '{1}' }}", bottom, top);
    bottom = top;
  }
  NetState phase;
  phase.set_phase(TRAIN);
  NetOptions options;
  options.output_diffs = {bottom};
  Net net(filter(parse_net(text, "chain"), phase), options);
  *net.input("x").mutable_data() = *net.output_diff(bottom).mutable_diff() = 1;
  for (auto _ : state) {
    net.forward();
    net.backward();
  }
  state.counters["steps/s"] = rate(2 * kLayers);
}

void machine(benchmark::State& state) {
  MachineRates rates{};
  for (auto _ : state) rates = measure_machine(0);
  state.counters["sgemm flop/s"] = rates.gemm_flops;
  state.counters["copy B/s"] = rates.copy_bytes;
  state.counters["triad B/s"] = rates.triad_bytes;
}

template <typename Run, typename... Arguments>
void add(const std::string& name, const Run& run, Arguments... arguments) {
  benchmark::RegisterBenchmark(name.c_str(), run, arguments...)->Unit(benchmark::kMicrosecond)->UseRealTime();
}

void add_all() {
  for (const Row& row : kRows) {
    for (const Engine engine : {Engine::plain, default_engine()}) {
      const std::string name = fmt::format("{}/{}", row.name, engine_name(engine));
      add(name + "/forward", forward, row, engine);
      add(name + "/forward_backward", forward_backward, row, engine);
      if (default_engine() == Engine::plain) break;
    }
  }
  add("update/SGD", update, "SGD", 1);
  add("update/Nesterov", update, "Nesterov", 1);
  add("update/Adam", update, "Adam", 2);
  add("update/RMSProp", update, "RMSProp", 1);
  add("chain_of_200_layers", chain);
  benchmark::RegisterBenchmark("machine", machine)->Unit(benchmark::kMillisecond)->Iterations(1);
}

}  // namespace
}  // namespace crema

int main(int argc, char** argv) {
  crema::add_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

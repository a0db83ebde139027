// A net that is measured on request: passes on synthetic data that lie in memory. It runs what users run: a Solver in
// phase TRAIN and a Net in phase TEST. Started by compare.py; each line on standard input is a command, each answer one
// line of JSON on standard output:
//   run N [W]   N iterations (TRAIN) or forward passes (TEST), after W that do not count: {"wall": [...], "cpu": [...],
//               "loss"}, milliseconds of each by the clock and of processor time, all threads taken together
//   memory      peak of resident memory, and what was resident before the net was made, in bytes
//   dump FILE   the inputs' and the parameters' numbers, as float32: {"blobs": [{"name", "shape"}, ...]}
//   output      the mean absolute value of the first output and its first numbers
#include <google/protobuf/text_format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <ctime>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "machine.h"
#include "math/algorithms.h"
#include "solvers/solver.h"

namespace crema {
namespace {

using Json = nlohmann::ordered_json;
using Shapes = std::map<std::string, std::vector<long>>;

struct Flags {
  std::string model, phase = "TRAIN", engine, precision;
  std::vector<std::string> stages, shapes, settings;
  int threads = 0, classes = 10;
  float rate = 1e-4F;
  bool no_dropout = false, machine = false, deterministic = false;
};

// A line of /proc/self/status, "VmHWM:   1234 kB", in bytes.
long status(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) return std::stol(line.substr(key.size() + 1)) * 1024;
  }
  return 0;
}

double ms_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return 1e3 * static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_nsec);
}

// Resets the peak of memory, so that it is the peak from now on.
void reset_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

Shapes parse_shapes(const std::vector<std::string>& texts) {
  Shapes shapes;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    check(equals != std::string::npos, "--shape {} is not of the form BLOB=N,C,H,W", text);
    std::istringstream dims(text.substr(equals + 1));
    for (std::string dim; std::getline(dims, dim, ',');) shapes[text.substr(0, equals)].push_back(std::stol(dim));
  }
  return shapes;
}

// An Input that replaces a layer that reads data; it has the tops with a shape.
void make_input(const Shapes& shapes, LayerParameter* layer) {
  LayerParameter input;
  input.set_name(layer->name());
  input.set_type("Input");
  for (const std::string& top : layer->top()) {
    const auto found = shapes.find(top);
    if (found == shapes.end()) continue;
    input.add_top(top);
    BlobShape* shape = input.mutable_input_param()->add_shape();
    for (const long dim : found->second) shape->add_dim(dim);
  }
  *layer = input;
}

bool can_read(const LayerParameter& layer, const std::set<std::string>& blobs) {
  return std::all_of(layer.bottom().begin(), layer.bottom().end(),
                     [&](const std::string& bottom) { return blobs.contains(bottom); });
}

// The net with Inputs of the given shapes for data. Layers that read a top without a shape are left out (a TEST net
// without labels has neither losses nor accuracies). All parameters that learn have the same rate.
std::string net_text(const Flags& flags) {
  NetState state;
  state.set_phase(flags.phase == "TEST" ? TEST : TRAIN);
  for (const std::string& stage : flags.stages) state.add_stage(stage);
  const NetConfig config = filter(read_net(flags.model, flags.settings), state);
  const Shapes shapes = parse_shapes(flags.shapes);
  NetParameter net = config.net;
  net.clear_layer();
  net.clear_state();
  std::set<std::string> blobs;
  for (LayerParameter layer : config.net.layer()) {
    layer.clear_include();
    layer.clear_exclude();
    if (layer.bottom_size() == 0) make_input(shapes, &layer);
    if ((layer.bottom_size() == 0 && layer.top_size() == 0) || !can_read(layer, blobs)) continue;
    if (flags.no_dropout && layer.type() == "Dropout") layer.mutable_dropout_param()->set_dropout_ratio(0);
    for (ParamSpec& param : *layer.mutable_param()) {
      if (param.lr_mult() == 0) continue;
      param.set_lr_mult(1);
      param.set_decay_mult(1);
    }
    blobs.insert(layer.top().begin(), layer.top().end());
    *net.add_layer() = layer;
  }
  std::string text;
  google::protobuf::TextFormat::PrintToString(net, &text);
  return text;
}

// "label" holds classes, "cont" marks sequences that begin with the batch, and everything else holds normally
// distributed numbers.
void fill(const std::string& name, int classes, Blob* blob) {
  const Random random(1, "benchmark", name);
  const long first_row = blob->axes() > 1 ? blob->count() / blob->dim(0) : blob->count();
  for (long i = 0; i < blob->count(); ++i) {
    const auto k = static_cast<uint64_t>(i);
    blob->mutable_data()[i] = name == "label"  ? std::floor(static_cast<real>(random.uniform(k)) * real(classes))
                              : name == "cont" ? real(i >= first_row)
                                               : static_cast<real>(random.gaussian(k));
  }
}

// Sets running statistics to mean 0 and variance 1, as after a training.
void settle_statistics(Net& net) {
  for (int i = 0; i < net.layers(); ++i) {
    if (net.layer_config(i).type() != "BatchNorm") continue;
    std::vector<Parameter>& sums = net.layer(i).parameters();
    for (size_t k = 0; k < sums.size(); ++k) {
      std::fill_n(sums[k].mutable_data(), sums[k].count(), real(k > 0));
      sums[k].raise_version();
    }
  }
}

class Worker {
 public:
  explicit Worker(const Flags& flags) {
    const std::string text = net_text(flags);
    const Engine engine = flags.engine == "plain" ? Engine::plain : default_engine();
    const Precision precision = flags.precision == "bf16" ? Precision::bf16 : Precision::f32;
    // As in the tool, the first run on a machine measures the algorithms, and later runs find them in a file.
    const auto algorithms =
        flags.deterministic || engine == Engine::plain ? nullptr : std::make_shared<Algorithms>(algorithms_file());
    reset_peak();
    before_ = status("VmRSS");
    if (flags.phase == "TEST") {
      NetState state;
      state.set_phase(TEST);
      net_ = std::make_unique<Net>(
          filter(parse_net(text, flags.model), state),
          NetOptions{.threads = flags.threads, .engine = engine, .precision = precision, .algorithms = algorithms});
    } else {
      const std::string solver = fmt::format(
          "train_net_param {{ {} }} type: 'SGD' base_lr: {} lr_policy: 'fixed' momentum: 0.9 weight_decay: 0.0005 "
          "max_iter: 1000000000 snapshot_after_train: false",
          text, flags.rate);
      SolverOptions options{
          .engine = engine, .precision = precision, .threads = flags.threads, .seed = 1, .snapshots = false};
      options.log_iterations = false;
      options.algorithms = algorithms;
      solver_ = std::make_unique<Solver>(parse_solver(solver, flags.model), options);
    }
    settle_statistics(net());
    for (const std::string& name : net().inputs()) fill(name, flags.classes, &net().input(name));
  }

  Json about() {
    long count = 0;
    for (const Parameter* parameter : learned()) count += parameter->count();
    return {{"net", net().name()}, {"parameters", count}};
  }

  Json answer(const std::string& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "run") {
      int passes = 1, warm_up = 0;
      words >> passes >> warm_up;
      return run(passes, warm_up);
    }
    if (command == "memory") return {{"peak", status("VmHWM")}, {"before", before_}};
    if (command == "output") return output();
    if (command == "dump") {
      std::string path;
      words >> path;
      return dump(path);
    }
    throw Error("unknown command \"{}\"", command);
  }

 private:
  Net& net() { return solver_ ? solver_->net() : *net_; }

  std::vector<Parameter*> learned() {
    std::vector<Parameter*> all;
    for (NetParameterInfo& info : net().parameters()) {
      if (net().layer_config(net().layer_index(info.layer)).type() != "BatchNorm") all.push_back(info.parameter);
    }
    return all;
  }

  Json run(int passes, int warm_up) {
    std::vector<double> wall, cpu;
    double loss = 0;
    for (int i = -warm_up; i < passes; ++i) {
      const double start = ms_of(CLOCK_MONOTONIC), cpu_start = ms_of(CLOCK_PROCESS_CPUTIME_ID);
      loss = solver_ ? solver_->step(1) : static_cast<double>(net_->forward());
      if (i < 0) continue;
      wall.push_back(ms_of(CLOCK_MONOTONIC) - start);
      cpu.push_back(ms_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_start);
    }
    return {{"wall", wall}, {"cpu", cpu}, {"loss", loss}};
  }

  Json output() {
    const Blob& blob = *net().outputs().at(0).blob;
    double sum = 0;
    for (long i = 0; i < blob.count(); ++i) sum += std::abs(static_cast<double>(blob.data()[i]));
    return {{"mean_abs", sum / static_cast<double>(blob.count())},
            {"first", std::vector<real>(blob.data(), blob.data() + std::min(8L, blob.count()))}};
  }

  Json dump(const std::string& path) {
    std::ofstream file(path, std::ios::binary);
    Json blobs = Json::array();
    const auto write = [&](const std::string& name, const Shape& shape, const real* data) {
      blobs.push_back({{"name", name}, {"shape", shape.dims()}});
      file.write(reinterpret_cast<const char*>(data), shape.count() * static_cast<long>(sizeof(real)));
    };
    for (const std::string& name : net().inputs()) write(name, net().input(name).shape(), net().input(name).data());
    for (const Parameter* parameter : learned()) write("", parameter->shape(), parameter->data());
    check(file.good(), "{}: cannot write", path);
    return {{"blobs", blobs}};
  }

  long before_ = 0;
  std::unique_ptr<Solver> solver_;  // in TRAIN
  std::unique_ptr<Net> net_;        // in TEST
};

void serve(const Flags& flags) {
  if (flags.machine) {
    const MachineRates rates = measure_machine(flags.threads);
    std::cout << Json{{"gemm_flops", rates.gemm_flops}, {"copy", rates.copy_bytes}, {"triad", rates.triad_bytes}}
              << std::endl;
    return;
  }
  Worker worker(flags);
  std::cout << worker.about() << std::endl;
  for (std::string line; std::getline(std::cin, line) && line != "quit";) std::cout << worker.answer(line) << std::endl;
}

}  // namespace
}  // namespace crema

int main(int argc, char** argv) {
  crema::Flags flags;
  CLI::App app("Measures a net on request; see benchmarks/compare.py.");
  app.add_option("--model", flags.model, "the net's prototxt");
  app.add_option("--phase", flags.phase, "TRAIN: iterations of SGD with momentum; TEST: forward passes");
  app.add_option("--stage", flags.stages, "stages of the net's state");
  app.add_option("--shape", flags.shapes, "BLOB=N,C,H,W: the data layers' tops; those without a shape are left out");
  app.add_option("--set", flags.settings, "KEY=VALUE: fields of the net");
  app.add_option("--engine", flags.engine, "onednn or plain");
  app.add_option("--precision", flags.precision, "f32, or bf16: what the engine multiplies");
  app.add_option("--threads", flags.threads, "0: all");
  app.add_option("--classes", flags.classes, "labels are below it");
  app.add_option("--rate", flags.rate, "learning rate");
  app.add_flag("--no-dropout", flags.no_dropout, "dropout layers pass on what they get");
  app.add_flag("--deterministic", flags.deterministic, "direct convolutions alone");
  app.add_flag("--machine", flags.machine, "measure sgemm and memory instead, and end");
  CLI11_PARSE(app, argc, argv);
  crema::set_up_log();
  spdlog::set_level(spdlog::level::warn);
  try {
    crema::serve(flags);
    return 0;
  } catch (const std::exception& error) {
    std::cout << crema::Json{{"error", error.what()}} << std::endl;
    return 1;
  }
}

#include "time_report.h"

#include <numeric>

#include "costs.h"
#include "table.h"

namespace crema {
namespace {

long bytes(long elements) { return elements * static_cast<long>(sizeof(real)); }

BlobReport describe(const std::string& name, const Blob& blob) {
  return {name, blob.shape(), blob.axes() == 0 ? "scalar" : layout_name(blob.layout(), blob.axes())};
}

PassCost forward_cost(const Net& net, int i) {
  PassCost cost;
  if (net.layer_config(i).type() == "Input") return cost;  // its forward does nothing: the caller writes its tops
  cost.multiply_adds = multiply_adds(net, i);
  for (const Blob* bottom : net.bottoms(i)) cost.bytes += bytes(bottom->storage());
  for (const Blob* top : net.tops(i)) cost.bytes += bytes(top->storage());
  cost.bytes += bytes(parameter_count(net.layer(i)));
  return cost;
}

// The gradient of the weights takes as many multiply-adds as forward, and so does the gradient of the bottoms.
PassCost backward_cost(const Net& net, int i) {
  PassCost cost;
  if (!net.runs_backward(i)) return cost;
  const Contract contract = net.layer(i).contract();
  const Bottoms& bottoms = net.bottoms(i);
  double products = 0;
  for (size_t b = 0; b < bottoms.size(); ++b) {
    const bool down = net.takes_diff(i, static_cast<int>(b));
    const int buffers = down + contract.bottom_data_read.contains(static_cast<int>(b));
    cost.bytes += buffers * bytes(bottoms[b]->storage());
    if (down) products += 1.0 / static_cast<double>(bottoms.size());
  }
  for (size_t t = 0; t < net.tops(i).size(); ++t) {
    const int buffers = 1 + contract.top_data_read.contains(static_cast<int>(t));
    cost.bytes += buffers * bytes(net.tops(i)[t]->storage());
  }
  const auto& parameters = net.layer(i).parameters();
  for (const Parameter& parameter : parameters) cost.bytes += (1 + parameter.learns()) * bytes(parameter.count());
  if (!parameters.empty() && parameters[0].learns()) products += 1;
  cost.multiply_adds = products * multiply_adds(net, i);
  return cost;
}

LayerReport describe(const Net& net, int i) {
  LayerReport layer{};
  layer.name = net.layer_config(i).name();
  layer.type = net.layer_config(i).type();
  layer.implementation = net.absorbed_by(i) < 0 ? net.layer(i).implementation()
                                                : fmt::format("in {}", net.layer_config(net.absorbed_by(i)).name());
  if (net.runs_backward(i)) {
    layer.backward_implementation =
        net.absorbed_by(i) < 0 ? net.layer(i).backward_implementation() : layer.implementation;
  }
  for (size_t b = 0; b < net.bottoms(i).size(); ++b) {
    layer.bottoms.push_back(describe(net.bottom_name(i, static_cast<int>(b)), *net.bottoms(i)[b]));
  }
  for (size_t t = 0; t < net.tops(i).size(); ++t) {
    const Blob& top = *net.tops(i)[t];
    layer.tops.push_back(describe(net.top_name(i, static_cast<int>(t)), top));
    layer.blob_bytes += bytes(top.storage()) * (top.diff() != nullptr ? 2 : 1);
  }
  for (const Parameter& parameter : net.layer(i).parameters()) {
    layer.parameters += parameter.count();
    layer.parameter_bytes += bytes(parameter.count()) * (parameter.storage()->diff.empty() ? 1 : 2);
  }
  layer.forward = forward_cost(net, i);
  layer.backward = backward_cost(net, i);
  return layer;
}

void add_step(const Net& net, size_t s, double ms, LayerReport* layer) {
  const StepList& list = net.steps();
  const Step& step = list.steps[s];
  const int axes = net.bottoms(step.layer).empty() ? 0 : net.bottoms(step.layer)[0]->axes();
  if (step.replay) {
    layer->again_ms += ms;
  } else if (step.kind == Step::forward) {
    layer->forward.ms = ms;
  } else if (step.kind == Step::backward) {
    layer->backward.ms = ms;
  } else if (step.kind == Step::reorder && step.from_layout != step.to_layout) {
    layer->reorders.push_back({static_cast<int>(s) < list.backward_begin, list.buffers[step.from].name,
                               list.buffers[step.to].name, layout_name(step.from_layout, axes),
                               layout_name(step.to_layout, axes), ms});
  } else {
    layer->sums_ms += ms;
  }
}

std::string number(double value, const char* none = "") {
  return value == 0 ? none : value < 9.995 ? fmt::format("{:.2f}", value) : fmt::format("{:.1f}", value);
}

std::string time_of(double ms) { return ms == 0 ? "" : fmt::format("{:.3f}", ms); }

// "nchw" if a layer keeps its bottom's layout, else "nchw > nChw16c". Only the first bottom and the first top are
// shown.
std::string layouts(const LayerReport& layer) {
  const std::string from = layer.bottoms.empty() ? "" : layer.bottoms[0].layout;
  const std::string to = layer.tops.empty() ? "" : layer.tops[0].layout;
  return from.empty() || to.empty() || from == to ? from + (from == to ? "" : to) : from + " > " + to;
}

// "forward's / backward's", or one name if they are the same.
std::string implementations(const LayerReport& layer) {
  const std::string &forward = layer.implementation, &backward = layer.backward_implementation;
  return backward.empty() || backward == forward ? forward : forward + " / " + backward;
}

void add_rows(const LayerReport& layer, double total, Table* table) {
  const auto share = [total](double ms) { return fmt::format("{:.1f}", 100 * ms / total); };
  table->add({layer.name, layer.type, time_of(layer.forward.ms), time_of(layer.backward.ms),
              share(layer.forward.ms + layer.backward.ms), number(layer.forward.gflops()),
              number(layer.backward.gflops()), number(layer.forward.gigabytes()), number(layer.backward.gigabytes()),
              fmt::format("{:.2f}", static_cast<double>(layer.blob_bytes + layer.parameter_bytes) / 1e6),
              layouts(layer), implementations(layer)});
  if (layer.again_ms > 0) {
    table->add(
        {"  computed again", "", "", time_of(layer.again_ms), share(layer.again_ms), "", "", "", "", "", "", ""});
  }
  for (const ReorderCost& reorder : layer.reorders) {
    table->add({"  " + reorder.from.substr(0, reorder.from.find(" from ")), "reorder",
                reorder.forward ? time_of(reorder.ms) : "", reorder.forward ? "" : time_of(reorder.ms),
                share(reorder.ms), "", "", "", "", "", fmt::format("{} > {}", reorder.from_layout, reorder.to_layout)});
  }
}

std::string data_text(const TimeReport& report) {
  std::string text;
  for (const auto& [blob, replaced] : report.replaced) {
    text += fmt::format("{} ({}): random numbers, shape {}\n", blob, replaced.type, replaced.shape_is);
  }
  return text;
}

using Json = nlohmann::ordered_json;

Json blobs_json(const std::vector<BlobReport>& blobs) {
  Json json = Json::array();
  for (const BlobReport& blob : blobs) {
    json.push_back({{"name", blob.name}, {"shape", blob.shape.dims()}, {"layout", blob.layout}});
  }
  return json;
}

Json pass_json(const PassCost& pass) {
  return {{"time_ms", pass.ms},
          {"multiply_adds", pass.multiply_adds},
          {"gflop_per_s", pass.gflops()},
          {"bytes", pass.bytes},
          {"gbyte_per_s", pass.gigabytes()}};
}

Json layer_json(const LayerReport& layer, double total) {
  Json json = {{"name", layer.name},
               {"type", layer.type},
               {"implementation", layer.implementation},
               {"backward_implementation", layer.backward_implementation},
               {"bottoms", blobs_json(layer.bottoms)},
               {"tops", blobs_json(layer.tops)},
               {"parameters", layer.parameters},
               {"parameter_bytes", layer.parameter_bytes},
               {"blob_bytes", layer.blob_bytes},
               {"share_percent", 100 * layer.ms() / total},
               {"forward", pass_json(layer.forward)},
               {"backward", pass_json(layer.backward)},
               {"recompute_ms", layer.again_ms},
               {"diff_sums_ms", layer.sums_ms},
               {"reorders", Json::array()}};
  for (const ReorderCost& reorder : layer.reorders) {
    json["reorders"].push_back({{"pass", reorder.forward ? "forward" : "backward"},
                                {"from", reorder.from},
                                {"to", reorder.to},
                                {"from_layout", reorder.from_layout},
                                {"to_layout", reorder.to_layout},
                                {"time_ms", reorder.ms}});
  }
  return json;
}

}  // namespace

double LayerReport::ms() const {
  double sum = forward.ms + backward.ms + again_ms + sums_ms;
  for (const ReorderCost& reorder : reorders) sum += reorder.ms;
  return sum;
}

double TimeReport::ms() const {
  return std::accumulate(layers.begin(), layers.end(), 0.0,
                         [](double sum, const LayerReport& layer) { return sum + layer.ms(); });
}

TimeReport report(Net& net, const Timing& timing) {
  TimeReport report{};
  report.name = net.name();
  report.file = net.config().source.file;
  report.phase = Phase_Name(net.phase());
  report.parameters = parameter_count(net);
  report.memory = net.memory();
  report.timing = timing;
  for (int i = 0; i < net.layers(); ++i) report.layers.push_back(describe(net, i));
  const StepList& list = net.steps();
  for (size_t s = 0; s < list.steps.size(); ++s) {
    add_step(net, s, timing.step_ms[s], &report.layers[list.steps[s].layer]);
  }
  return report;
}

std::string as_text(const TimeReport& report) {
  const Timing& timing = report.timing;
  std::string text = fmt::format(
      "{} ({}, phase {}), engine {}{}, {} thread{}\nMedians of {} iterations after {} for warming up; fw: forward, bw: "
      "backward\n{}\n",
      report.name.empty() ? "Net" : printable(report.name), printable(report.file), report.phase, report.engine,
      report.precision == "f32" ? "" : ", precision " + report.precision, report.threads,
      report.threads == 1 ? "" : "s", timing.iterations, timing.warm_up, data_text(report));
  Table table("llrrrrrrrrll");
  table.add({"layer", "type", "fw ms", "bw ms", "%", "fw GFLOP/s", "bw GFLOP/s", "fw GB/s", "bw GB/s", "MB", "layout",
             "implementation"});
  double sums = 0;
  const double total = report.ms();
  for (const LayerReport& layer : report.layers) {
    add_rows(layer, total, &table);
    sums += layer.sums_ms;
  }
  text += table.text();
  if (sums >= 0.0005)
    text += fmt::format("Clearing and adding up gradients: {:.3f} ms, {:.1f} %\n", sums, 100 * sums / total);
  const long blobs = report.memory.planned + report.memory.pinned;
  return text + fmt::format(
                    "\nAverage Forward pass: {}.\nAverage Backward pass: {}.\nAverage Forward-Backward: {}.\n"
                    "Total Time: {}.\nMemory: {} blobs (without the plan {}), {} parameters; {} at "
                    "the peak of the process, beyond what it took before.\n",
                    time_text(timing.forward_ms), time_text(timing.backward_ms),
                    time_text(timing.forward_ms + timing.backward_ms), time_text(timing.total_ms), bytes_text(blobs),
                    bytes_text(report.memory.unplanned), bytes_text(report.memory.parameters),
                    bytes_text(report.peak_bytes));
}

nlohmann::ordered_json as_json(const TimeReport& report) {
  const Timing& timing = report.timing;
  Json json = {{"net", report.name},
               {"file", report.file},
               {"phase", report.phase},
               {"engine", report.engine},
               {"precision", report.precision},
               {"threads", report.threads},
               {"iterations", timing.iterations},
               {"warm_up_iterations", timing.warm_up},
               {"layer_statistic", "median"},
               {"random_data", Json::array()},
               {"layers", Json::array()}};
  for (const auto& [blob, replaced] : report.replaced) {
    json["random_data"].push_back({{"blob", blob}, {"type", replaced.type}, {"shape", replaced.shape_is}});
  }
  const double total = report.ms();
  for (const LayerReport& layer : report.layers) json["layers"].push_back(layer_json(layer, total));
  json["totals"] = {{"layers_ms", total},
                    {"average_forward_ms", timing.forward_ms},
                    {"average_backward_ms", timing.backward_ms},
                    {"average_forward_backward_ms", timing.forward_ms + timing.backward_ms},
                    {"total_ms", timing.total_ms},
                    {"parameters", report.parameters},
                    {"parameter_bytes", report.memory.parameters},
                    {"planned_bytes", report.memory.planned},
                    {"pinned_bytes", report.memory.pinned},
                    {"unplanned_bytes", report.memory.unplanned},
                    {"peak_bytes", report.peak_bytes}};
  return json;
}

}  // namespace crema

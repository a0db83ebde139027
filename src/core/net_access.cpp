// Net: finding blobs and layers by name, and reports.
#include <algorithm>

#include "base/error.h"
#include "base/parallel.h"
#include "config/suggest.h"
#include "core/net.h"

namespace crema {

std::vector<std::string> Net::inputs() const {
  std::vector<std::string> names;
  for (const Value& value : graph_.values) {
    if (layer_config(value.layer).type() == "Input") names.push_back(value.name);
  }
  return names;
}

Blob& Net::input(const std::string& name) {
  check_ready();
  for (size_t v = 0; v < graph_.values.size(); ++v) {
    const Value& value = graph_.values[v];
    if (value.name == name && layer_config(value.layer).type() == "Input") return *values_[v];
  }
  throw Error("the net has no Input layer with top \"{}\"{}", name, suggestion(name, inputs()));
}

const Blob& Net::value(const std::string& name) const {
  check_ready();
  const int v = graph_.find(name);
  if (v < 0) {
    std::vector<std::string> names;
    for (const Value& value : graph_.values) names.push_back(value.name);
    throw Error("the net has no blob \"{}\"{}", name, suggestion(name, names));
  }
  check(graph_.values[v].readable,
        "blob \"{}\" is not kept after forward: its memory serves later layers; name it in NetOptions::keep", name);
  return *readable_.at(v);
}

Blob& Net::output_diff(const std::string& name) {
  check_ready();
  const int v = graph_.find(name);
  check(v >= 0 && graph_.values[v].fed,
        "the diff of \"{}\" is not set by the caller; name it in "
        "NetOptions::output_diffs",
        name);
  return *readable_.at(v);
}

int Net::layer_index(const std::string& name) const {
  std::vector<std::string> names;
  for (int i = 0; i < layers(); ++i) {
    if (layer_config(i).name() == name) return i;
    names.push_back(layer_config(i).name());
  }
  throw Error("the net has no layer \"{}\"{}", name, suggestion(name, names));
}

const std::string& Net::bottom_name(int layer, int bottom) const {
  return graph_.values[graph_.layers[layer].bottoms[bottom].value].name;
}

const std::string& Net::top_name(int layer, int top) const {
  return graph_.values[graph_.layers[layer].tops[top]].name;
}

long Net::batch_size() const {
  for (int i = 0; i < layers(); ++i) {
    if (bottoms_[i].empty() && !tops_[i].empty() && tops_[i][0]->axes() > 0) return tops_[i][0]->dim(0);
  }
  return 0;
}

bool Net::has_loss() const {
  return std::any_of(graph_.values.begin(), graph_.values.end(), [](const Value& v) { return v.loss_weight != 0; });
}

bool Net::takes_diff(int layer, int bottom) const { return graph_.layers[layer].bottoms[bottom].diff; }

NetMemory Net::memory() const {
  NetMemory memory{};
  const auto bytes = [](long elements) { return elements * static_cast<long>(sizeof(real)); };
  memory.planned = bytes(plan_.size);
  long room = 0;  // without a plan all steps share one, so the largest counts
  for (const BufferInfo& buffer : steps_.buffers) {
    memory.unplanned += buffer.room ? 0 : bytes(buffer.size);
    if (buffer.room) room = std::max(room, bytes(buffer.size));
  }
  memory.unplanned += room;
  for (const Buffer& own : own_buffers_) memory.pinned += bytes(own.size());
  for (const NetParameterInfo& info : parameters_) {
    const auto& storage = *info.parameter->storage();
    memory.parameters += bytes(storage.data.size() + storage.diff.size());
  }
  const ThreadScope threads(options_.threads);  // some layers keep memory for each thread
  for (int i = 0; i < layers(); ++i) {
    const OwnMemory own = layer(i).own_memory(runs_backward(i));
    memory.kept += own.kept;
    if (!options_.plan) memory.passing = std::max(memory.passing, own.passing);
  }
  return memory;
}

std::string Net::steps_text() const {
  std::vector<std::string> names;
  for (int i = 0; i < layers(); ++i) {
    std::string& name = names.emplace_back(layer_config(i).name());
    for (const int j : absorbed(i)) name += "+" + layer_config(j).name();
  }
  return crema::steps_text(steps_, names);
}

std::string Net::summary() const {
  std::string text;
  long total = 0;
  for (int i = 0; i < layers(); ++i) {
    long parameters = 0;
    for (const Parameter& p : layer(i).parameters()) parameters += p.count();
    text += fmt::format("{:<20} {:<16}", layer_config(i).name(), layer_config(i).type());
    for (const Blob* top : tops_[i]) {
      text += fmt::format(" [{}]", top->shape().str());
      if (top->axes() > 0) text += ' ' + layout_name(top->layout(), top->axes());
    }
    if (parameters > 0) text += fmt::format("  {} parameters", parameters);
    text += absorbed_by(i) < 0 ? fmt::format("  {}\n", layer(i).implementation())
                               : fmt::format("  in {}\n", layer_config(absorbed_by(i)).name());
    total += parameters;
  }
  return text + fmt::format("{} layers, {} parameters\n", layers(), total);
}

}  // namespace crema

#include "survey.h"

#include <algorithm>

#include "base/log.h"
#include "config/files.h"
#include "core/graph.h"

namespace crema {
namespace {

// Finding each fault may take as much time as building the whole net, and nobody reads more than this many.
constexpr size_t kMostFaults = 1000;
constexpr int kMostBuilds = 20;

// While it lives, nothing is logged: a net that is built again and again would repeat its warnings.
class Quiet {
 public:
  Quiet() : before_(spdlog::get_level()) { spdlog::set_level(spdlog::level::off); }
  ~Quiet() { spdlog::set_level(before_); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  spdlog::level::level_enum before_;
};

std::string message_of(const std::function<void()>& action) {
  try {
    action();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

// The net without these layers and without all layers that depend on them, directly or indirectly.
NetConfig without(const NetConfig& config, const std::set<int>& layers, std::vector<std::string>* left_out) {
  if (layers.empty()) return config;
  NetConfig rest = config;
  rest.net.clear_layer();
  rest.layers.clear();
  std::set<std::string> gone;
  for (int i = 0; i < config.net.layer_size(); ++i) {
    const LayerParameter& layer = config.net.layer(i);
    const bool stays =
        !layers.contains(i) && std::none_of(layer.bottom().begin(), layer.bottom().end(),
                                            [&](const std::string& bottom) { return gone.contains(bottom); });
    for (const std::string& top : layer.top()) {
      if (stays) {
        gone.erase(top);
      } else {
        gone.insert(top);
      }
    }
    if (stays) {
      *rest.net.add_layer() = layer;
      rest.layers.push_back(config.layers[i]);
    } else {
      left_out->push_back(layer.name());
    }
  }
  return rest;
}

// Finds layers by the places where they begin.
std::set<int> layers_at(const NetConfig& config, const std::set<std::pair<int, int>>& places) {
  std::set<int> found;
  for (int i = 0; i < config.net.layer_size(); ++i) {
    const Position& begin = config.layers[i].position;
    if (places.contains({begin.line, begin.column})) found.insert(i);
  }
  return found;
}

// Inputs whose shapes are not known.
std::set<int> shapeless(const NetConfig& config) {
  std::set<int> found;
  for (int i = 0; i < config.net.layer_size(); ++i) {
    const LayerParameter& layer = config.net.layer(i);
    if (layer.type() == "Input" && layer.input_param().shape_size() == 0) found.insert(i);
  }
  return found;
}

// The faults of layers that do not depend on their bottoms' shapes. For `spoilt` layers only the type is checked.
std::vector<LayerFault> own_faults(const NetConfig& config, const std::set<int>& spoilt) {
  std::vector<LayerFault> faults;
  for (int i = 0; i < config.net.layer_size(); ++i) {
    std::string fault = config.net.layer(i).type().empty() && spoilt.contains(i) ? "" : type_fault(config, i);
    if (fault.empty() && !spoilt.contains(i)) {
      fault = message_of([&] { create_layer(config.net.layer(i)); });
      if (!fault.empty()) fault.insert(0, where(config, i));
    }
    if (!fault.empty()) faults.push_back({i, fault});
  }
  return faults;
}

std::vector<Contract> contracts_of(const NetConfig& config) {
  std::vector<Contract> contracts;
  for (const LayerParameter& layer : config.net.layer()) contracts.push_back(create_layer(layer)->contract());
  return contracts;
}

// Shapes the net's layers one after the other, as Net does, but continues after a fault.
class Shapes {
 public:
  Shapes(NetConfig config, bool backward) : config_(std::move(config)), backward_(backward) {
    resolve_files(config_);
    for (LayerParameter& layer : *config_.net.mutable_layer()) {
      if (!layer.has_phase()) layer.set_phase(config_.net.state().phase());
      layers_.push_back(create_layer(layer));
      contracts_.push_back(layers_.back()->contract());
    }
    graph_ = connect(config_, contracts_);
    for (size_t v = 0; v < graph_.values.size(); ++v) values_.push_back(std::make_unique<Blob>());
  }

  std::vector<LayerFault> faults() {
    const PlannedMemory planned;
    std::vector<LayerFault> found;
    std::vector<bool> lost(values_.size());
    for (int i = 0; i < config_.net.layer_size(); ++i) {
      const GraphLayer& wiring = graph_.layers[i];
      bool fails =
          std::any_of(wiring.bottoms.begin(), wiring.bottoms.end(), [&](const Use& use) { return lost[use.value]; });
      const std::string fault = fails ? "" : shape(i);
      if (!fault.empty()) found.push_back({i, fault});
      fails = fails || !fault.empty();
      for (const int v : wiring.tops) lost[v] = fails;
    }
    return found;
  }

 private:
  // The layer's fault; "" if there is none.
  std::string shape(int i) {
    const LayerParameter& layer = config_.net.layer(i);
    layers_[i]->set_context({.name = layer.name(),
                             .file = config_.layers[i].file,
                             .backward = backward_,
                             .phase = layer.phase(),
                             .pass = &pass_,
                             .scratch = &scratch_});
    std::vector<Blob> copies(graph_.layers[i].bottoms.size());
    Bottoms bottoms;
    Tops tops;
    std::string shapes;
    for (size_t b = 0; b < copies.size(); ++b) {
      copies[b].reshape(values_[graph_.layers[i].bottoms[b].value]->shape());
      bottoms.push_back(&copies[b]);
      shapes += fmt::format("{}bottom \"{}\": {}", b == 0 ? " (" : ", ", layer.bottom(static_cast<int>(b)),
                            copies[b].shape().str());
    }
    for (const int v : graph_.layers[i].tops) tops.push_back(values_[v].get());
    const std::string fault = message_of([&] { layers_[i]->reshape(bottoms, tops); });
    if (fault.empty()) return "";
    return where(config_, i) + fault + shapes + (shapes.empty() ? "" : ")");
  }

  NetConfig config_;
  bool backward_;
  Pass pass_;
  Buffer scratch_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<Contract> contracts_;
  Graph graph_;
  std::vector<std::unique_ptr<Blob>> values_;
};

// The layer that a message names; -1 if it names no layer, or if several layers have the name.
int named_layer(const NetConfig& config, const std::string& message) {
  int found = -1;
  for (int i = 0; i < config.net.layer_size(); ++i) {
    const LayerParameter& layer = config.net.layer(i);
    if (message.find(fmt::format(": layer \"{}\" ({}): ", layer.name(), layer.type())) == std::string::npos) continue;
    if (found >= 0) return -1;
    found = i;
  }
  return found;
}

class Surveyor {
 public:
  Surveyor(const NetConfig& config, const ShapeFlags& shapes, const NetOptions& options)
      : options_(options), backward_(options.backward.value_or(config.net.state().phase() == TRAIN)) {
    StandIns stand_ins = stand_in(config, shapes.given);
    result_.replaced = std::move(stand_ins.replaced);
    for (std::string& fault : stand_ins.faults) result_.faults.push_back({std::move(fault)});
    result_.unknown = std::move(stand_ins.unknown);
    result_.assumed = std::move(stand_ins.assumed);
    result_.data_tops = std::move(stand_ins.data_tops);
    rest_ = std::move(stand_ins.config);
  }

  Survey run(const std::set<std::pair<int, int>>& places) {
    const std::set<int> spoilt = layers_at(rest_, places);
    const bool known = spoilt.empty() && result_.faults.empty() && result_.unknown.empty();
    if (known && build().empty()) return std::move(result_);
    const Quiet quiet;
    result_.net.reset();
    leave_out(own_faults(rest_, spoilt), spoilt);
    leave_out(connection_faults(rest_, contracts_of(rest_)), {});
    leave_out({}, shapeless(rest_));
    leave_out({}, lacking_files());
    std::string fault = message_of([&] { leave_out(Shapes(rest_, backward_).faults(), {}); });
    if (fault.empty()) fault = reduce();
    if (!fault.empty()) {
      result_.faults.push_back({fault});
      result_.net.reset();
    }
    return std::move(result_);
  }

 private:
  // Layers that name a missing file. A note says so, since the file may exist where the net will run.
  std::set<int> lacking_files() {
    std::set<int> found;
    for (int i = 0; i < rest_.net.layer_size(); ++i) {
      const std::string missing = missing_file(rest_.net.layer(i), rest_.layers[i]);
      if (missing.empty()) continue;
      found.insert(i);
      result_.unknown.push_back(fmt::format("layer \"{}\" lacks a file: {}", rest_.net.layer(i).name(), missing));
    }
    return found;
  }

  std::string build() {
    if (rest_.net.layer_size() == 0) return "";
    return message_of([&] { result_.net = std::make_unique<Net>(rest_, options_); });
  }

  void leave_out(const std::vector<LayerFault>& faults, std::set<int> layers) {
    for (const LayerFault& fault : faults) {
      layers.insert(fault.layer);
      if (result_.faults.size() < kMostFaults) result_.faults.push_back({fault.message, fault.left_out});
    }
    if (result_.faults.size() == kMostFaults) result_.faults.push_back({rest_.source.at() + ": there are more faults"});
    rest_ = without(rest_, layers, &result_.left_out);
  }

  // Finds faults that only Net finds: builds the net and leaves out the layer that the error names, until there is no
  // error. Returns the last error, or "".
  std::string reduce() {
    for (int builds = 0;; ++builds) {
      std::string fault = build();
      const int layer = fault.empty() ? -1 : named_layer(rest_, fault);
      if (layer < 0 || builds == kMostBuilds) return fault;
      leave_out({{layer, fault}}, {});
    }
  }

  NetOptions options_;
  bool backward_;
  NetConfig rest_;
  Survey result_;
};

}  // namespace

StandIns::Replaced Survey::origin(int layer) const {
  const auto& tops = net->layer_config(layer).top();
  const auto found = tops.empty() ? replaced.end() : replaced.find(tops[0]);
  return found == replaced.end() || net->layer_config(layer).type() != "Input"
             ? StandIns::Replaced{net->layer_config(layer).type(), "", 0}
             : found->second;
}

Survey survey(const NetConfig& config, const ShapeFlags& shapes, NetOptions options,
              const std::set<std::pair<int, int>>& spoilt) {
  options.memory = false;
  if (config.net.layer_size() > 0) return Surveyor(config, shapes, options).run(spoilt);
  Survey empty;
  empty.faults.push_back({message_of([&] { Net net(config, options); })});
  return empty;
}

std::string tops_text(const Survey& survey, int layer) {
  const Net& net = *survey.net;
  const std::string shape_is = survey.origin(layer).shape_is;
  std::string text;
  for (size_t t = 0; t < net.tops(layer).size(); ++t) {
    text += fmt::format("{}{} {}{}", t == 0 ? "" : ", ", net.top_name(layer, static_cast<int>(t)),
                        net.tops(layer)[t]->shape().str(), shape_is.empty() ? "" : fmt::format(" ({})", shape_is));
  }
  return text;
}

}  // namespace crema

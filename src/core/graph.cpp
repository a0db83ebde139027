#include "core/graph.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "config/suggest.h"

namespace crema {
namespace {

template <typename... Args>
[[noreturn]] void fail(const NetConfig& config, int layer, const std::string& field, fmt::format_string<Args...> format,
                       Args&&... args) {
  const auto& source = config.layers[layer];
  const LayerParameter& l = config.net.layer(layer);
  throw Error("{}: layer \"{}\" ({}): {}", source.line_of(field), l.name(), l.type(),
              fmt::format(format, std::forward<Args>(args)...));
}

std::string text_of(const NetState& state) {
  std::string text = fmt::format("phase {}, level {}", Phase_Name(state.phase()), state.level());
  if (state.stage_size() > 0) text += fmt::format(", stage {}", fmt::join(state.stage(), ", "));
  return text;
}

std::string range(int min, int max) {
  if (min == max) return fmt::format("{}", min);
  return max == Contract::kAny ? fmt::format("{} or more", min) : fmt::format("{} to {}", min, max);
}

void check_counts(const NetConfig& config, int i, const Contract& contract) {
  const LayerParameter& l = config.net.layer(i);
  if (l.bottom_size() < contract.min_bottoms || l.bottom_size() > contract.max_bottoms) {
    fail(config, i, "bottom", "takes {} bottom{}, and {} {} named", range(contract.min_bottoms, contract.max_bottoms),
         contract.max_bottoms == 1 ? "" : "s", l.bottom_size(), l.bottom_size() == 1 ? "is" : "are");
  }
  if (l.top_size() < contract.min_tops || l.top_size() > contract.max_tops) {
    fail(config, i, "top", "gives {} top{}, and {} {} named", range(contract.min_tops, contract.max_tops),
         contract.max_tops == 1 ? "" : "s", l.top_size(), l.top_size() == 1 ? "is" : "are");
  }
  const int tops = std::max(l.top_size(), contract.made_tops);
  if (l.loss_weight_size() != 0 && l.loss_weight_size() != tops) {
    fail(config, i, "loss_weight", "has {} loss_weight values for {} tops; give one for each top or none",
         l.loss_weight_size(), tops);
  }
  if (l.propagate_down_size() != 0 && l.propagate_down_size() != l.bottom_size()) {
    fail(config, i, "propagate_down", "has {} propagate_down values for {} bottoms; give one for each bottom or none",
         l.propagate_down_size(), l.bottom_size());
  }
}

// Connects one layer after the other; keeps the value that each name means at this point of the file.
class Wiring {
 public:
  explicit Wiring(const NetConfig& config) : config_(config) {}

  void add(int i, const Contract& contract) {
    bottom_left_out_ = false;
    check_counts(config_, i, contract);
    const LayerParameter& l = config_.net.layer(i);
    graph_.layers.emplace_back();
    for (int b = 0; b < l.bottom_size(); ++b) read(i, b);
    const int tops = std::max(l.top_size(), contract.made_tops);
    for (int t = 0; t < tops; ++t) make(i, t, contract);
  }

  Graph finish() { return std::move(graph_); }

  bool reads_lost(int i) const {
    const auto& bottoms = config_.net.layer(i).bottom();
    return std::any_of(bottoms.begin(), bottoms.end(), [this](const auto& name) { return lost_.contains(name); });
  }
  // Leaves out layer i and continues.
  void lose(int i) {
    for (const std::string& top : config_.net.layer(i).top()) {
      current_.erase(top);
      lost_.insert(top);
    }
  }
  bool bottom_left_out() const { return bottom_left_out_; }

 private:
  // Each search looks at all names. If very many bottoms were missing, searching would take longer than building the
  // net.
  std::string near(const std::string& name) {
    constexpr int kMostSearches = 20;
    return ++searches_ > kMostSearches ? "" : suggestion(name, keys(current_));
  }

  void read(int i, int b) {
    const std::string& name = config_.net.layer(i).bottom(b);
    const auto found = current_.find(name);
    if (found == current_.end()) {
      const auto left_out = config_.left_out.find(name);
      bottom_left_out_ = left_out != config_.left_out.end();
      fail(config_, i, fmt::format("bottom[{}]", b), "bottom \"{}\" is not a top of any layer before it{}", name,
           left_out == config_.left_out.end() ? near(name)
                                              : fmt::format("; {} makes it, but its include and exclude rules leave it "
                                                            "out in {}",
                                                            left_out->second, text_of(config_.net.state())));
    }
    graph_.values[found->second].readers.emplace_back(i, b);
    graph_.layers.back().bottoms.push_back({found->second});
  }

  void make(int i, int t, const Contract& contract) {
    const LayerParameter& l = config_.net.layer(i);
    // A loss without a name in the file is reported under its layer's name. No bottom can refer to it.
    const bool named = t < l.top_size();
    const std::string name = named ? l.top(t) : l.name();
    if (named) {
      const bool in_place = t < l.bottom_size() && l.bottom(t) == name;
      const auto found = current_.find(name);
      if (found != current_.end() && !in_place) {
        const Value& other = graph_.values[found->second];
        fail(config_, i, fmt::format("top[{}]", t),
             "top \"{}\" is already a top of layer \"{}\"; only a layer with it as "
             "its own bottom {} may reuse the name",
             name, config_.net.layer(other.layer).name(), t);
      }
      current_[name] = static_cast<int>(graph_.values.size());
      lost_.erase(name);
    }
    Value value{.name = name, .layer = i, .top = t, .readers = {}};
    if (l.loss_weight_size() > 0) {
      value.loss_weight = l.loss_weight(t);
    } else if (t == 0) {
      value.loss_weight = contract.loss_weight;
    }
    graph_.layers.back().tops.push_back(static_cast<int>(graph_.values.size()));
    graph_.values.push_back(std::move(value));
  }

  const NetConfig& config_;
  Graph graph_;
  std::map<std::string, int> current_;
  std::set<std::string> lost_;    // names of tops of layers that were left out
  bool bottom_left_out_ = false;  // for the layer that was added last
  int searches_ = 0;
};

// Whether layer i wants a gradient at bottom b, before asking whether any gradient reaches the layer.
bool wants_diff(const NetConfig& config, const Contract& contract, const Value& value, int i, int b) {
  const LayerParameter& l = config.net.layer(i);
  if (l.propagate_down_size() > 0) return l.propagate_down(b);
  // A zero gradient is not propagated through the layers below, unless the net asks for it.
  if (contract.shape_only.contains(b)) return config.net.force_backward();
  return value.needs_diff || (config.net.force_backward() && !contract.no_gradient.contains(b));
}

// From the bottom up: which values depend on a parameter that learns, or need a gradient under force_backward.
std::vector<bool> find_needs(const NetConfig& config, const std::vector<Contract>& contracts,
                             const std::vector<bool>& learns, Graph* graph) {
  std::vector<bool> needs(graph->layers.size());
  for (size_t i = 0; i < graph->layers.size(); ++i) {
    bool need = learns[i] || config.net.force_backward();
    const GraphLayer& layer = graph->layers[i];
    for (size_t b = 0; b < layer.bottoms.size(); ++b) {
      const Value& value = graph->values[layer.bottoms[b].value];
      need = need || wants_diff(config, contracts[i], value, static_cast<int>(i), static_cast<int>(b));
    }
    needs[i] = need && contracts[i].max_bottoms > 0;
    // A layer without bottoms sends no gradient down, but its own parameters (layer type Parameter) need its top's
    // diff.
    if (contracts[i].max_bottoms == 0) needs[i] = learns[i];
    for (size_t t = 0; t < layer.tops.size(); ++t) {
      graph->values[layer.tops[t]].needs_diff =
          needs[i] && !contracts[i].no_gradient_tops.contains(static_cast<int>(t));
    }
  }
  return needs;
}

}  // namespace

std::string where(const NetConfig& config, int layer) {
  const LayerParameter& l = config.net.layer(layer);
  return fmt::format("{}: layer \"{}\" ({}): ", config.layers[layer].at(), l.name(), l.type());
}

int Graph::find(const std::string& name) const {
  for (size_t v = values.size(); v-- > 0;) {
    if (values[v].name == name) return static_cast<int>(v);
  }
  return -1;
}

int Graph::last_value(int layer, bool backward) const {
  int last = layer;
  for (const int j : layers[layer].absorbed) {
    if (!backward || layers[j].absorbed_backward) last = j;
  }
  return layers[last].tops[0];
}

Graph connect(const NetConfig& config, const std::vector<Contract>& contracts) {
  Wiring wiring(config);
  for (int i = 0; i < config.net.layer_size(); ++i) wiring.add(i, contracts[i]);
  return wiring.finish();
}

std::vector<LayerFault> connection_faults(const NetConfig& config, const std::vector<Contract>& contracts) {
  Wiring wiring(config);
  std::vector<LayerFault> faults;
  for (int i = 0; i < config.net.layer_size(); ++i) {
    bool lost = wiring.reads_lost(i);
    try {
      if (!lost) wiring.add(i, contracts[i]);
    } catch (const Error& error) {
      faults.push_back({i, error.what(), wiring.bottom_left_out()});
      lost = true;
    }
    if (lost) wiring.lose(i);
  }
  return faults;
}

void mark_gradients(const NetConfig& config, const std::vector<Contract>& contracts, const std::vector<bool>& learns,
                    Graph* graph) {
  const std::vector<bool> needs = find_needs(config, contracts, learns, graph);
  // From the top down: which layers a gradient reaches.
  for (size_t i = graph->layers.size(); i-- > 0;) {
    GraphLayer& layer = graph->layers[i];
    bool reached = config.net.force_backward();
    for (const int top : layer.tops) {
      const Value& value = graph->values[top];
      reached = reached || value.loss_weight != 0 || value.fed;
      for (const auto& [reader, bottom] : value.readers) {
        reached = reached || graph->layers[reader].bottoms[bottom].diff;
      }
    }
    const bool runs = needs[i] && reached && contracts[i].has_backward;
    const bool blocked = needs[i] && reached && !contracts[i].has_backward;
    for (size_t b = 0; b < layer.bottoms.size(); ++b) {
      Use& use = layer.bottoms[b];
      const Value& value = graph->values[use.value];
      const bool wanted = wants_diff(config, contracts[i], value, static_cast<int>(i), static_cast<int>(b));
      const bool refused = wanted && contracts[i].no_gradient.contains(static_cast<int>(b));
      if (refused && (runs || blocked) && !config.net.force_backward()) {
        const bool asked = config.net.layer(static_cast<int>(i)).propagate_down_size() > 0;
        fail(config, static_cast<int>(i), asked ? fmt::format("propagate_down[{}]", b) : fmt::format("bottom[{}]", b),
             "bottom {} (\"{}\") takes no gradient, but {}; say propagate_down: false for it", b, value.name,
             asked ? "propagate_down is true for it" : "layers below it learn");
      }
      use.diff = runs && wanted && !refused;
    }
    // Even under force_backward, propagate_down: false may leave no gradient to compute.
    layer.backward = runs && (learns[i] || std::any_of(layer.bottoms.begin(), layer.bottoms.end(),
                                                       [](const Use& use) { return use.diff; }));
  }
}

}  // namespace crema

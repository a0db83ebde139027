#include "core/steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace crema {
namespace {

class Compiler {
 public:
  Compiler(const Graph& graph, const std::vector<Contract>& contracts, const Layouts& layouts)
      : graph_(graph), contracts_(contracts), layouts_(layouts) {
    const size_t values = graph.values.size(), layers = graph.layers.size();
    for (auto* list : {&out_.value_data, &out_.value_diff, &out_.readable_data, &out_.fed_diff}) {
      list->assign(values, -1);
    }
    out_.use_data.resize(layers);
    out_.use_diff.resize(layers);
    for (size_t i = 0; i < layers; ++i) {
      out_.use_data[i].assign(graph.layers[i].bottoms.size(), -1);
      out_.use_diff[i].assign(graph.layers[i].bottoms.size(), -1);
    }
  }

  StepList compile(bool backward) {
    for (size_t i = 0; i < graph_.layers.size(); ++i) {
      if (graph_.layers[i].absorbed_by < 0) forward_layer(static_cast<int>(i));
    }
    out_.backward_begin = static_cast<int>(out_.steps.size());
    if (backward) {
      for (size_t i = graph_.layers.size(); i-- > 0;) {
        const GraphLayer& layer = graph_.layers[i];
        if (layer.backward && !layer.absorbed_backward) backward_layer(static_cast<int>(i));
      }
    }
    return std::move(out_);
  }

 private:
  const Value& value(int v) const { return graph_.values[v]; }
  const Shape& shape(int v) const { return layouts_.shapes[v]; }
  Layout produced(int v) const { return layouts_.produced[v]; }

  int buffer(const std::string& name, int v, Layout layout, bool pinned) {
    out_.buffers.push_back({name, storage_count(shape(v), layout), pinned});
    return static_cast<int>(out_.buffers.size()) - 1;
  }

  Step& step(Step::Kind kind, int layer, int v, std::vector<int> reads, std::vector<int> writes) {
    out_.steps.push_back(
        {.kind = kind, .layer = layer, .value = v, .reads = std::move(reads), .writes = std::move(writes)});
    return out_.steps.back();
  }

  void lend(const std::vector<long>& room, Step& step) {
    if (room.empty() || room[step.layer] == 0) return;
    out_.buffers.push_back({fmt::format("room of layer {}", step.layer), room[step.layer], false, true});
    step.room = static_cast<int>(out_.buffers.size()) - 1;
    step.writes.push_back(step.room);
  }

  void reorder(int layer, int v, int from, Layout from_layout, int to, Layout to_layout) {
    Step& s = step(Step::reorder, layer, v, {from}, {to});
    s.from = from;
    s.to = to;
    s.from_layout = from_layout;
    s.to_layout = to_layout;
  }

  void clear(int layer, int v, int to, float constant) {
    Step& s = step(Step::clear, layer, v, {}, {to});
    s.to = to;
    s.constant = constant;
  }

  void add(int layer, int v, int from, int to) {
    Step& s = step(Step::add, layer, v, {from, to}, {to});
    s.from = from;
    s.to = to;
  }

  // The value's data in `layout`; reordered for the first reader that wants this layout, and shared by later ones.
  int data_in(int layer, int v, Layout layout) {
    if (layout == produced(v)) return out_.value_data[v];
    const auto [copy, is_new] = copies_.try_emplace({v, layout}, -1);
    if (is_new) {
      const std::string name = fmt::format("{} as {}", value(v).name, layout_name(layout, shape(v).axes()));
      copy->second = buffer(name, v, layout, value(v).readable && layout == Layout::plain);
      reorder(layer, v, out_.value_data[v], produced(v), copy->second, layout);
    }
    return copy->second;
  }

  void forward_layer(int i) {
    const GraphLayer& layer = graph_.layers[i];
    const Contract& contract = contracts_[i];
    auto& use_data = out_.use_data[i];
    for (size_t b = 0; b < layer.bottoms.size(); ++b) {
      use_data[b] = data_in(i, layer.bottoms[b].value, layouts_.taken[i][b]);
    }
    std::vector<int> reads = use_data, tops;
    read_others(i, &reads);
    const std::vector<int> written = written_values(i, false);
    for (const int t : written) {
      const bool pinned = contract.keeps_tops || (value(t).readable && produced(t) == Layout::plain);
      tops.push_back(out_.value_data[t] = buffer(value(t).name, t, produced(t), pinned));
    }
    bind_absorbed(i);
    lend(layouts_.forward_room, step(Step::forward, i, -1, reads, tops));
    share(i, use_data, tops, false);
    for (const int t : written) {
      if (value(t).readable) out_.readable_data[t] = data_in(i, t, Layout::plain);
    }
  }

  // --- fusion ---

  // The values that the layer's forward step writes, or whose diffs its backward step takes.
  std::vector<int> written_values(int i, bool backward) const {
    const GraphLayer& layer = graph_.layers[i];
    return layer.absorbed.empty() ? layer.tops : std::vector<int>{graph_.last_value(i, backward)};
  }

  bool between(int i, int v) const {
    const auto& absorbed = graph_.layers[i].absorbed;
    return v == graph_.layers[i].tops[0] ||
           std::any_of(absorbed.begin(), absorbed.end(), [&](int j) { return graph_.layers[j].tops[0] == v; });
  }

  // Adds what absorbed layers read, except for the values between them and the layer that absorbed them.
  void read_others(int i, std::vector<int>* reads) {
    for (const int j : graph_.layers[i].absorbed) {
      const auto& bottoms = graph_.layers[j].bottoms;
      for (size_t b = 0; b < bottoms.size(); ++b) {
        if (between(i, bottoms[b].value)) continue;
        reads->push_back(out_.use_data[j][b] = data_in(i, bottoms[b].value, layouts_.taken[j][b]));
      }
    }
  }

  // The values between a layer and those that it absorbed use the memory of the last value.
  void bind_absorbed(int i) {
    const auto& absorbed = graph_.layers[i].absorbed;
    if (absorbed.empty()) return;
    const int data = out_.value_data[graph_.last_value(i, false)];
    out_.value_data[graph_.layers[i].tops[0]] = data;
    for (const int j : absorbed) {
      out_.value_data[graph_.layers[j].tops[0]] = data;
      for (size_t b = 0; b < graph_.layers[j].bottoms.size(); ++b) {
        if (between(i, graph_.layers[j].bottoms[b].value)) out_.use_data[j][b] = data;
      }
    }
  }

  // Notes which bottom and top buffers of the step just made may be one memory; in backward they are diffs.
  void share(int i, const std::vector<int>& bottoms, const std::vector<int>& tops, bool backward) {
    const Contract& contract = contracts_[i];
    const GraphLayer& layer = graph_.layers[i];
    const int at = static_cast<int>(out_.steps.size()) - 1;
    const auto note = [&](const std::pair<int, int>& pair, bool view) {
      const auto [b, t] = pair;
      if (b >= static_cast<int>(bottoms.size()) || t >= static_cast<int>(tops.size()) || bottoms[b] < 0 || tops[t] < 0)
        return;
      const Layout bottom_layout = layouts_.taken[i][b];
      if (bottom_layout != produced(layer.tops[t])) return;
      if (view && bottom_layout != Layout::plain) return;
      out_.sharings.push_back({at, backward ? tops[t] : bottoms[b], backward ? bottoms[b] : tops[t], view});
    };
    for (const auto& pair : contract.views) {
      if (!backward || contract.view_diffs) note(pair, true);
    }
    for (const auto& pair : contract.same_memory) note(pair, false);
  }

  // --- backward ---

  // The value's diff in its own layout, made when the first part of it is written.
  int diff_of(int v) {
    int& b = out_.value_diff[v];
    // The caller may read an Input's diff, which no layer reads, so it must be kept.
    const bool pinned = contracts_[value(v).layer].keeps_tops;
    if (b < 0) b = buffer(value(v).name + ".diff", v, produced(v), pinned);
    return b;
  }

  bool has_diff(int v) const { return out_.value_diff[v] >= 0; }

  // Adds the parts of a value's diff that come from no reader: its loss weight, and the diff that the caller sets.
  void start_diff(int layer, int v) {
    if (has_diff(v)) return;
    if (value(v).loss_weight != 0) {
      const bool direct = produced(v) == Layout::plain;
      const int to = direct ? diff_of(v) : buffer(value(v).name + ".loss_weight", v, Layout::plain, false);
      clear(layer, v, to, value(v).loss_weight);
      if (!direct) add_part(layer, v, to, Layout::plain);
    }
    if (value(v).fed) {
      const int from = out_.fed_diff[v] = buffer(value(v).name + ".fed", v, Layout::plain, true);
      add_part(layer, v, from, Layout::plain);
    }
  }

  // Adds `part`, which is in `layout`, to the value's diff; the first part is moved there.
  void add_part(int layer, int v, int part, Layout layout) {
    const bool first = !has_diff(v);
    if (first) {
      reorder(layer, v, part, layout, diff_of(v), produced(v));
    } else if (layout == produced(v)) {
      add(layer, v, part, diff_of(v));
    } else {
      const int moved = buffer(value(v).name + ".part", v, produced(v), false);
      reorder(layer, v, part, layout, moved, produced(v));
      add(layer, v, moved, diff_of(v));
    }
  }

  void backward_layer(int i) {
    const GraphLayer& layer = graph_.layers[i];
    const auto& taken = layouts_.taken[i];
    std::vector<int> top_diffs;
    for (const int t : written_values(i, true)) top_diffs.push_back(finish_diff(i, t));
    if (!layer.absorbed.empty()) out_.value_diff[layer.tops[0]] = top_diffs[0];

    // The first use in backward order writes the value's diff; later ones a part of their own that is added at once.
    auto& use_diff = out_.use_diff[i];
    std::vector<bool> is_part(layer.bottoms.size());
    std::vector<int> writes;
    for (size_t b = 0; b < layer.bottoms.size(); ++b) {
      if (!layer.bottoms[b].diff) continue;
      const int v = layer.bottoms[b].value;
      start_diff(i, v);
      if (contracts_[i].shape_only.contains(static_cast<int>(b))) {
        if (!has_diff(v)) clear(i, v, diff_of(v), 0);
        continue;
      }
      is_part[b] = has_diff(v) || taken[b] != produced(v);
      use_diff[b] = is_part[b] ? buffer(fmt::format("{}.diff from bottom {} of layer {}", value(v).name, b, i), v,
                                        taken[b], false)
                               : diff_of(v);
      writes.push_back(use_diff[b]);
    }
    lend(layouts_.backward_room, step(Step::backward, i, -1, backward_reads(i, top_diffs), writes));
    share(i, use_diff, top_diffs, true);
    for (size_t b = 0; b < layer.bottoms.size(); ++b) {
      if (is_part[b]) add_part(i, layer.bottoms[b].value, use_diff[b], taken[b]);
    }
  }

  // The diff that the layer's backward gets for its top: the sum of all parts, or zero if there are none.
  int finish_diff(int i, int t) {
    start_diff(i, t);
    if (!has_diff(t)) clear(i, t, diff_of(t), 0);
    return diff_of(t);
  }

  std::vector<int> backward_reads(int i, const std::vector<int>& top_diffs) const {
    const Contract& contract = contracts_[i];
    const GraphLayer& layer = graph_.layers[i];
    std::vector<int> reads = top_diffs;
    for (size_t b = 0; b < layer.bottoms.size(); ++b) {
      if (contract.bottom_data_read.contains(static_cast<int>(b))) {
        reads.push_back(out_.use_data[i][b]);
      }
    }
    for (size_t t = 0; t < layer.tops.size(); ++t) {
      if (contract.top_data_read.contains(static_cast<int>(t))) {
        reads.push_back(out_.value_data[layer.tops[t]]);
      }
    }
    return reads;
  }

  const Graph& graph_;
  const std::vector<Contract>& contracts_;
  const Layouts& layouts_;
  StepList out_;
  std::map<std::pair<int, Layout>, int> copies_;
};

std::string names(const StepList& list, const std::vector<int>& buffers) {
  std::vector<std::string> out;
  for (const int b : buffers) {
    if (!list.buffers[b].room) out.push_back(list.buffers[b].name);
  }
  return fmt::format("{}", fmt::join(out, ", "));
}

}  // namespace

StepList compile_steps(const Graph& graph, const std::vector<Contract>& contracts, const Layouts& layouts,
                       bool backward) {
  return Compiler(graph, contracts, layouts).compile(backward);
}

std::string steps_text(const StepList& list, const std::vector<std::string>& layer_names) {
  static const char* const kKinds[] = {"reorder", "forward", "clear", "backward", "add"};
  std::string text;
  for (const Step& s : list.steps) {
    const char* kind = s.replay && s.kind == Step::forward ? "replay" : kKinds[s.kind];
    text +=
        fmt::format("{:<8} {}: {} -> {}\n", kind, layer_names[s.layer], names(list, s.reads), names(list, s.writes));
  }
  return text;
}

}  // namespace crema

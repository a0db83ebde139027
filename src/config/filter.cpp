#include <algorithm>
#include <functional>
#include <set>

#include "base/error.h"
#include "config/check.h"
#include "config/net_config.h"
#include "config/suggest.h"

namespace crema {
namespace {

// A state with fast look-up of stages, since rules and states may name many.
struct State {
  explicit State(const NetState& state)
      : phase(state.phase()), level(state.level()), stages(state.stage().begin(), state.stage().end()) {}

  bool meets(const NetStateRule& rule) const {
    const auto has_stage = [&](const std::string& stage) { return stages.contains(stage); };
    if (rule.has_phase() && rule.phase() != phase) return false;
    if (rule.has_min_level() && level < rule.min_level()) return false;
    if (rule.has_max_level() && level > rule.max_level()) return false;
    return std::all_of(rule.stage().begin(), rule.stage().end(), has_stage) &&
           std::none_of(rule.not_stage().begin(), rule.not_stage().end(), has_stage);
  }
  bool meets_any(const google::protobuf::RepeatedPtrField<NetStateRule>& rules) const {
    return std::any_of(rules.begin(), rules.end(), [&](const NetStateRule& rule) { return meets(rule); });
  }

  Phase phase;
  int level;
  std::set<std::string> stages;
};

bool takes_part(const LayerParameter& layer, const Source& source, const State& state) {
  if (layer.include_size() > 0 && layer.exclude_size() > 0) throw Error(both_kinds_of_rules(layer, source));
  return layer.include_size() > 0 ? state.meets_any(layer.include()) : !state.meets_any(layer.exclude());
}

void each_rule(const NetConfig& config, const std::function<void(const NetStateRule&)>& action) {
  for (const LayerParameter& layer : config.net.layer()) {
    for (const auto* rules : {&layer.include(), &layer.exclude()}) std::for_each(rules->begin(), rules->end(), action);
  }
}

std::string place(const LayerParameter& layer, const Source& source) {
  return fmt::format("layer {} ({})", in_quotes(layer.name()), source.at());
}

}  // namespace

std::string both_kinds_of_rules(const LayerParameter& layer, const Source& source) {
  return fmt::format("{}: layer {} has both include and exclude rules", source.at("exclude"), in_quotes(layer.name()));
}

bool holds(const NetStateRule& rule, const NetState& state) { return State(state).meets(rule); }

NetConfig filter(const NetConfig& config, const NetState& state) {
  NetConfig filtered;
  filtered.source = config.source;
  filtered.net.CopyFrom(config.net);
  filtered.net.clear_layer();
  filtered.net.mutable_state()->MergeFrom(state);
  const State now(filtered.net.state());
  for (int i = 0; i < config.net.layer_size(); ++i) {
    const LayerParameter& layer = config.net.layer(i);
    if (takes_part(layer, config.layers[i], now)) {
      *filtered.net.add_layer() = layer;
      filtered.layers.push_back(config.layers[i]);
    } else {
      for (const std::string& top : layer.top()) filtered.left_out.emplace(top, place(layer, config.layers[i]));
    }
  }
  return filtered;
}

void check_stage(const NetConfig& config, const std::string& stage, const std::string& flag) {
  std::set<std::string> named;
  each_rule(config, [&](const NetStateRule& rule) {
    named.insert(rule.stage().begin(), rule.stage().end());
    named.insert(rule.not_stage().begin(), rule.not_stage().end());
  });
  if (named.contains(stage)) return;
  throw Error("{}: no layer of {} has a rule that names stage {}{}", flag, config.source.at(), in_quotes(stage),
              choices(stage, {named.begin(), named.end()}));
}

void check_level(const NetConfig& config, const std::string& flag) {
  bool named = false;
  each_rule(config, [&](const NetStateRule& rule) { named |= rule.has_min_level() || rule.has_max_level(); });
  check(named, "{}: no layer of {} has a rule with min_level or max_level", flag, config.source.at());
}

}  // namespace crema

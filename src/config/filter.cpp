#include <algorithm>

#include "base/error.h"
#include "config/net_config.h"

namespace crema {
namespace {

bool any_holds(const google::protobuf::RepeatedPtrField<NetStateRule>& rules, const NetState& state) {
  return std::any_of(rules.begin(), rules.end(), [&](const NetStateRule& rule) { return holds(rule, state); });
}

bool takes_part(const LayerParameter& layer, const Source& source, const NetState& state) {
  const bool both = layer.include_size() > 0 && layer.exclude_size() > 0;
  check(!both, "{}: layer {} has both include and exclude rules", source.at("exclude"), quoted(layer.name()));
  return layer.include_size() > 0 ? any_holds(layer.include(), state) : !any_holds(layer.exclude(), state);
}

std::string place(const LayerParameter& layer, const Source& source) {
  return fmt::format("layer {} ({})", quoted(layer.name()), source.at());
}

}  // namespace

bool holds(const NetStateRule& rule, const NetState& state) {
  const auto has_stage = [&](const std::string& stage) {
    return std::find(state.stage().begin(), state.stage().end(), stage) != state.stage().end();
  };
  if (rule.has_phase() && rule.phase() != state.phase()) return false;
  if (rule.has_min_level() && state.level() < rule.min_level()) return false;
  if (rule.has_max_level() && state.level() > rule.max_level()) return false;
  return std::all_of(rule.stage().begin(), rule.stage().end(), has_stage) &&
         std::none_of(rule.not_stage().begin(), rule.not_stage().end(), has_stage);
}

NetConfig filter(const NetConfig& config, const NetState& state) {
  NetConfig filtered;
  filtered.source = config.source;
  filtered.net.CopyFrom(config.net);
  filtered.net.clear_layer();
  filtered.net.mutable_state()->MergeFrom(state);
  for (int i = 0; i < config.net.layer_size(); ++i) {
    const LayerParameter& layer = config.net.layer(i);
    if (takes_part(layer, config.layers[i], filtered.net.state())) {
      *filtered.net.add_layer() = layer;
      filtered.layers.push_back(config.layers[i]);
    } else {
      for (const std::string& top : layer.top()) filtered.left_out.emplace(top, place(layer, config.layers[i]));
    }
  }
  return filtered;
}

}  // namespace crema

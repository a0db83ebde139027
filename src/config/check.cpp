#include "config/check.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "config/suggest.h"
#include "config/unknown_field.h"

namespace crema {
namespace {

using Params = std::map<std::string, std::vector<std::string>>;

[[noreturn]] void refuse_type(const LayerParameter& layer, const Source& source, const Params& params_of_type) {
  check(!layer.type().empty(), "{}: layer {} has no type", source.at(), in_quotes(layer.name()));
  if (layer.type() == "Python") {
    throw Error("{}: layer {} is written in Python (module {}, class {}) and cannot run here", source.at("type"),
                in_quotes(layer.name()), in_quotes(layer.python_param().module()),
                in_quotes(layer.python_param().layer()));
  }
  throw Error("{}: layer {} has unknown type {}{}", source.at("type"), in_quotes(layer.name()), in_quotes(layer.type()),
              suggestion(layer.type(), keys(params_of_type)));
}

void refuse_unknown_params(const LayerParameter& layer, const Source& source) {
  const auto& type = *LayerParameter::descriptor();
  for (const auto& [field, where] : source.fields) {
    if (!field.ends_with("_param") || field.find_first_of(".[") != std::string::npos) continue;
    check(type.FindFieldByName(field) != nullptr, "{}: layer {} ({}): {}", source.at(field), in_quotes(layer.name()),
          layer.type(), unknown_field(field, type));
  }
}

void warn_of_unused(const LayerParameter& layer, const Source& source, const std::vector<std::string>& used) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  LayerParameter::GetReflection()->ListFields(layer, &fields);
  for (const auto* field : fields) {
    const std::string& name = field->name();
    if (!name.ends_with("_param") || std::find(used.begin(), used.end(), name) != used.end()) continue;
    CREMA_WARN("{}: layer {} ({}): {} is not used by this type", source.line_of(name), in_quotes(layer.name()),
               layer.type(), name);
  }
}

}  // namespace

void check_layer_types(const NetConfig& config, const Params& params_of_type) {
  for (int i = 0; i < config.net.layer_size(); ++i) {
    const LayerParameter& layer = config.net.layer(i);
    const Source& source = config.layers[i];
    const auto found = params_of_type.find(layer.type());
    if (found == params_of_type.end()) refuse_type(layer, source, params_of_type);
    refuse_unknown_params(layer, source);
    warn_of_unused(layer, source, found->second);
  }
}

void collect_rule_faults(NetConfig& config, std::vector<TextFault>& faults) {
  for (int i = 0; i < config.net.layer_size(); ++i) {
    LayerParameter& layer = *config.net.mutable_layer(i);
    if (layer.include_size() == 0 || layer.exclude_size() == 0) continue;
    faults.push_back({both_kinds_of_rules(layer, config.layers[i]), config.layers[i].position});
    layer.clear_exclude();
  }
}

}  // namespace crema

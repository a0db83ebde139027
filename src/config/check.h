// Checks a net against the layer types that exist. The caller passes them, since this folder must not depend on the
// layers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/net_config.h"
#include "config/prototxt.h"

namespace crema {

// `params_of_type`: each type's name and the LayerParameter messages that it reads ("convolution_param"). Throws Error
// at the first layer whose type is not there, with the nearest name, or that has a message which the schema does not
// know (Reading::other_params). Logs a warning for each message that is set in a layer and not read by its type.
void check_layer_types(const NetConfig& config, const std::map<std::string, std::vector<std::string>>& params_of_type);

// The error for a layer that has both include and exclude rules.
std::string both_kinds_of_rules(const LayerParameter& layer, const Source& source);

// Adds a fault for each layer that has both include and exclude rules, and removes its exclude rules, so that the net
// can be filtered and checked further.
void collect_rule_faults(NetConfig& config, std::vector<TextFault>& faults);

}  // namespace crema

// Fields set from outside a text: what `--set KEY=VALUE` gives. KEY is a path of field names with dots; an element of a
// list is named by its index from 0 or, where the elements have a field `name`, by that:
//
//   base_lr=0.02
//   stepvalue=100,200                                    the whole list
//   train_state.stage=a,b                                strings need no quotes
//   layer[conv1].convolution_param.num_output=50         every layer of that name
//   layer[ip1].param[0].lr_mult=0                        an index one past the end adds an element
//   layer[ip1].inner_product_param.weight_filler={ type: "msra" }
//
// Values are read by the prototxt parser. Errors name the flag: `--set base_Ir=1: SolverParameter has no field
// "base_Ir"; did you mean "base_lr"?`. For a field that was set in this way, the Source gives the flag as its place
// (config/source.h).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "config/net_config.h"

namespace crema {

// Sets a field of the solver. A setting that begins with a field that only NetParameter has, such as `layer` or `name`,
// goes to config.net_settings instead. Throws Error.
void override_solver(SolverConfig& config, const std::string& setting);

// Sets fields of a net, one setting after the other, before it is filtered. Throws Error; also where a setting names a
// layer that the net does not have.
NetConfig override_net(NetConfig config, const std::vector<std::string>& settings);

// The same for several nets. Some of them may lack a layer that a setting names.
class NetOverrides {
 public:
  explicit NetOverrides(std::vector<std::string> settings) : settings_(std::move(settings)) {}

  NetConfig apply(NetConfig config);

  // After the last net: throws Error for a setting that names a layer that none of them has.
  void check_all_used() const;

 private:
  std::vector<std::string> settings_;
  std::set<std::string> used_;
  std::vector<std::string> layers_;  // names of all nets' layers
};

}  // namespace crema

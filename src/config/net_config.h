// Nets and solvers read from files, in the current format. Each layer has its place in the text.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/prototxt.h"
#include "config/source.h"
#include "crema.pb.h"

namespace crema {

struct NetConfig {
  NetParameter net;            // in the current format: `layer` alone, without the legacy input fields
  Source source;               // of the net's own fields
  std::vector<Source> layers;  // layers[i] belongs to net.layer(i)
  // Tops of layers that filter() left out, and where each layer stands: `layer "data" (net.prototxt:3)`.
  std::map<std::string, std::string> left_out{};
};

struct SolverConfig {
  SolverParameter solver;
  Source source;
  std::vector<std::string> net_settings{};  // for every net that the solver names, "KEY=VALUE" (config/override.h)
};

// Reads a net's text file ("-": standard input) and brings it to the current format; then sets what `settings` say,
// each "KEY=VALUE" (config/override.h). Throws Error, with file, line and column.
NetConfig read_net(const std::string& path, const std::vector<std::string>& settings = {});

// The same from a text; `file` is the name that errors carry, beside which the files that it names are looked for.
// Faults of the text itself go to `faults`, where that is not null (config/prototxt.h).
NetConfig parse_net(std::string_view text, const std::string& file, const std::vector<std::string>& settings = {},
                    std::vector<TextFault>* faults = nullptr);

// A net without a text file of its own: read from a binary file, or built in code. Brought to the current format.
NetConfig wrap(NetParameter net, const std::string& file = "");

// Brings a net to Caffe's current format: layers in the V0 and V1 formats; the fields input, input_shape and input_dim
// (an Input layer named "input"); the fields of data layers that are transform_param's now; BatchNorm layers with three
// `param` (their statistics are not learned). `source` is the whole net's, with paths such as "layers[3].name".
// Throws Error where a field has no place in the current format.
NetConfig upgrade(NetParameter net, Source source);

// The layers that take part in `state`, as Caffe decides it: a layer with `include` rules if one of them holds, a layer
// with `exclude` rules unless one of them holds, a layer without rules always. The state is the net's own, where the
// text gives one, with what `state` sets on top of it: stages are added to its stages. It is the result's net.state.
// Throws Error at a layer that has both kinds of rules.
NetConfig filter(const NetConfig& config, const NetState& state);

// Whether every condition that a rule states holds: the phase, min_level <= level <= max_level, each `stage` among the
// state's stages, no `not_stage` among them.
bool holds(const NetStateRule& rule, const NetState& state);

// For stages and a level that a user gives: throws Error if no rule of the net names the stage, or none has a level, so
// that the flag could not change anything. `flag`: "--stage a".
void check_stage(const NetConfig& config, const std::string& stage, const std::string& flag);
void check_level(const NetConfig& config, const std::string& flag);

// Reads a solver's text file and sets what `settings` say, each "KEY=VALUE" (config/override.h); settings for its nets
// are kept in net_settings. The legacy solver_type becomes `type`; both at once are an error. A comma-separated list in
// `weights` becomes several values.
SolverConfig read_solver(const std::string& path, const std::vector<std::string>& settings = {});
SolverConfig parse_solver(std::string_view text, const std::string& file, const std::vector<std::string>& settings = {},
                          std::vector<TextFault>* faults = nullptr);

}  // namespace crema

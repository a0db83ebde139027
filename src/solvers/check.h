// Checks of a solver's settings before anything is built. Errors carry the place in the solver's text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/net_config.h"
#include "core/net.h"
#include "math/real.h"

namespace crema {

// Throws Error "solver.prototxt:3:1: " with the formatted message unless `holds`. A field that the text does not set is
// reported at the file.
template <typename... Args>
void check_field(const SolverConfig& config, std::string_view field, bool holds, fmt::format_string<Args...> format,
                 Args&&... args) {
  if (!holds) throw Error("{}: {}", config.source.at(field), fmt::format(format, std::forward<Args>(args)...));
}

// Returns `value` of `field`, the share of an old value that is kept. Throws Error unless 0 <= value < 1.
real checked_share(const SolverConfig& config, std::string_view field, float value);

// Returns `delta`, which is added to a divisor. Throws Error unless it keeps the divisor from being zero.
real checked_delta(const SolverConfig& config);

// For rules without momentum, as in Caffe. Throws Error if the solver sets one, since it would be ignored.
void check_no_momentum(const SolverConfig& config);

// Throws Error, with the net's place, if training it would change nothing: no loss, or no learnable parameter below a
// loss.
void check_trains(const Net& net);

// All checks that need no nets. Also creates the update rule and the schedule, for their own checks. Throws Error at
// the first fault; if `faults` is not null, adds the messages of all faults there instead.
void check_solver(const SolverConfig& config, std::vector<std::string>* faults = nullptr);

}  // namespace crema

// What a prototxt is: a net or a solver.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "config/net_config.h"

namespace crema {

struct ReadFile {
  std::variant<NetConfig, SolverConfig> config;  // as far as the text could be read
  std::vector<TextFault> faults;                 // of the text
  bool usable = true;                            // false: there is no config
};

// Reads a file ("-": standard input) once, as a net or as a solver, depending on its fields. Throws Error if it cannot
// be opened, and for a fault that is not one of the text.
ReadFile read_either(const std::string& path, const std::vector<std::string>& settings);

}  // namespace crema

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

// Reads a file ("-": standard input), once, as what its fields tell that it is. Throws Error if it cannot be opened,
// and where a fault is none of the text's own.
ReadFile read_either(const std::string& path, const std::vector<std::string>& settings);

}  // namespace crema

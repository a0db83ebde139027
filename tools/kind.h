// What a prototxt is.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "config/net_config.h"

namespace crema {

// Reads a net or a solver, whichever the file's fields make it, and sets what `settings` say. Throws Error for a file
// that is neither: the error of the one whose fields it has more of.
std::variant<NetConfig, SolverConfig> read_either(const std::string& path, const std::vector<std::string>& settings);

}  // namespace crema

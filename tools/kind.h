// What a prototxt is.
#pragma once

#include <string>
#include <variant>

#include "config/net_config.h"

namespace crema {

// Reads a net or a solver, whichever the file's fields make it. Throws Error for a file that is neither: the error of
// the one whose fields it has more of.
std::variant<NetConfig, SolverConfig> read_either(const std::string& path);

}  // namespace crema

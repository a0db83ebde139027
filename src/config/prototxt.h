// Protobuf's text format, read with the position of every field. It takes what protobuf's own parser takes, and says of
// the first fault where it stands and what was expected:
//
//   solver.prototxt:3:1: SolverParameter has no field "base_Ir"; did you mean "base_lr"?
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "config/source.h"

namespace crema {

// Longer texts are refused.
inline constexpr uint64_t kLongestText = uint64_t{64} << 20;

// Sets `message` to what `text` says and returns the positions. `file` is the name that errors carry. Throws Error.
Source parse_prototxt(std::string_view text, const std::string& file, google::protobuf::Message& message);

// The same from a file.
Source read_prototxt(const std::string& path, google::protobuf::Message& message);

}  // namespace crema

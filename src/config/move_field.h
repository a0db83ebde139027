// Moving fields from an old message to their places in a new one: what the upgrades are made of.
#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "config/source.h"

namespace crema {

// A message and where its fields were written.
struct Located {
  google::protobuf::Message& message;
  Source& source;
};

// Moves the value at `path` of `from` to `place` in `to` (paths: "convolution_param.kernel_size"), with its positions,
// and returns whether there was one. Blobs are moved without a copy. If `place` has "{}" and the field is repeated, the
// i-th value goes to the path with i there ("param[{}].lr_mult"); messages on the way are made as needed. A single
// value may become one of a repeated field; enum values keep their names. Throws Error if the place is taken or the
// value does not fit its type.
bool move_field(const Located& from, const std::string& path, const Located& to, const std::string& place);

}  // namespace crema

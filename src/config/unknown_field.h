// Messages for a field that the schema does not have.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace crema {

// `LayerParameter has no field "nam"; did you mean "name"?`: with the nearest name, the message that has such a field,
// or what the field is in the fork of Caffe that has it.
std::string unknown_field(const std::string& name, const google::protobuf::Descriptor& type);

// A field of a fork of Caffe, and what to write instead in crema.
struct ForkField {
  const char *message, *field;
  const char* hint;
};
const std::vector<ForkField>& fork_fields();

}  // namespace crema

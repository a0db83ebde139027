// The single values of a prototxt: numbers, strings, names of enums.
#pragma once

#include <google/protobuf/message.h>

#include "config/tokens.h"

namespace crema {

// Reads one value of `field`, which is no message, and sets it in `message`; adds it if the field is repeated.
void parse_value(Tokens& tokens, google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field);

}  // namespace crema

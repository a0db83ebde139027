// The files that a prototxt names.
#pragma once

#include <google/protobuf/message.h>

#include "config/net_config.h"
#include "config/source.h"

namespace crema {

// Replaces every file name in `message` (the fields that the schema marks with input_file) by the path at which the
// file is found: from the working directory or beside source.file. A solver's nets are also looked for in the folders
// above source.file and above the working directory; finding one there is logged. Throws Error, with the field's place
// in the text and both paths, if there is no such file. The files of nets inside a solver are not resolved here but
// layer by layer after the filter, because the filter may remove layers.
void resolve_files(google::protobuf::Message& message, const Source& source);

// The same for every layer of a net.
void resolve_files(NetConfig& config);

}  // namespace crema

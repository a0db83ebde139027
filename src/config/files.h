// The files that a prototxt names.
#pragma once

#include <google/protobuf/message.h>

#include "config/net_config.h"
#include "config/source.h"

namespace crema {

// Replaces every file name in `message` (the fields that the schema marks with input_file) by the path at which the
// file is: as it stands, from the working directory, or beside source.file; of a solver's nets also from the folders
// above source.file and above the working directory, which is logged. Throws Error, with the field's place in the text
// and both paths, where there is no such file. Nets within a solver are left alone: theirs are looked up layer by
// layer, after the filter, which may leave some out.
void resolve_files(google::protobuf::Message& message, const Source& source);

// The same for every layer of a net.
void resolve_files(NetConfig& config);

}  // namespace crema

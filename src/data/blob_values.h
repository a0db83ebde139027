// Reads the numbers of a BlobProto, in each of the forms in which it may store them.
#pragma once

#include <vector>

#include "crema.pb.h"

namespace crema {

// Floats, doubles, or raw bytes (model.proto, RawBlob). Throws Error for raw bytes of a type that cannot hold
// parameters, or whose number is not a multiple of a value's size.
long value_count(const BlobProto& proto);

// Writes the value_count() values, converted.
void copy_values(const BlobProto& proto, float* to);
void copy_values(const BlobProto& proto, double* to);

}  // namespace crema

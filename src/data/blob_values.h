// The numbers that a BlobProto stores, in whichever of its ways.
#pragma once

#include <vector>

#include "crema.pb.h"

namespace crema {

// Floats, doubles, or raw bytes (model.proto, RawBlob). Throws Error for raw ones of a type that holds no parameters,
// or that are no whole number of values.
long value_count(const BlobProto& proto);

// Writes the value_count() values, converted.
void copy_values(const BlobProto& proto, float* to);
void copy_values(const BlobProto& proto, double* to);

}  // namespace crema

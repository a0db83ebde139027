// Reading and writing of models in Caffe's binary format (.caffemodel).
#pragma once

#include <string>
#include <vector>

#include "core/net.h"
#include "model.pb.h"

namespace crema {

// A BlobProto of an array in plain layout, and back. from_proto throws Error unless the proto has `shape` (legacy 4-d
// shapes are the same shape with leading ones) and exactly its number of values.
void to_proto(const Shape& shape, const real* data, BlobProto* proto);
void from_proto(const BlobProto& proto, const Shape& shape, real* data);

// The names, types and blobs of a binary model, V0, V1 and current formats alike. Throws Error naming the file if it is
// not one (truncated, text, larger than 2 GB).
ModelNet read_model(const std::string& path);

// Copies parameters into the layers of the same name. Layers without a partner on either side keep what they have and
// are counted. Throws Error for a partner with other blob counts or shapes, before anything is copied.
struct LoadReport {
  int layers = 0;                   // layers that took their parameters from the model
  std::vector<std::string> left;    // layers of the net with parameters that are not in the model
  std::vector<std::string> unused;  // layers of the model with blobs that are not in the net
};
LoadReport load_weights(const ModelNet& model, Net* net);
// The same from a file; warns if no layer took parameters.
LoadReport load_weights(const std::string& path, Net* net);

// The net's configuration with all parameters, as Caffe writes it. With diffs: gradients, too (snapshot_diff).
NetParameter to_model(const Net& net, bool with_diffs);

// A message's bytes for the file at `path`, which errors name. Throws Error above protobuf's 2 GB.
std::string binary(const std::string& path, const google::protobuf::MessageLite& message);

// Writes a message whole or not at all (base/file.h).
void write_binary(const std::string& path, const google::protobuf::MessageLite& message);

}  // namespace crema

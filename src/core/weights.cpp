#include "core/weights.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "config/upgrade.h"
#include "data/blob_values.h"

namespace crema {
namespace {

constexpr uint64_t kLargest = std::numeric_limits<int>::max();  // protobuf's bound

using Doubles = google::protobuf::RepeatedField<double>;
using Floats = google::protobuf::RepeatedField<float>;

[[maybe_unused]] Floats* values_of(BlobProto* proto, float) { return proto->mutable_data(); }
[[maybe_unused]] Floats* diffs_of(BlobProto* proto, float) { return proto->mutable_diff(); }
[[maybe_unused]] Doubles* values_of(BlobProto* proto, double) { return proto->mutable_double_data(); }
[[maybe_unused]] Doubles* diffs_of(BlobProto* proto, double) { return proto->mutable_double_diff(); }

template <typename Field>
void write_values(const real* values, long count, Field* field) {
  field->Reserve(static_cast<int>(count));
  field->Add(values, values + count);
}

bool is_legacy(const BlobProto& proto) {
  return !proto.has_shape() && (proto.has_num() || proto.has_channels() || proto.has_height() || proto.has_width());
}

std::vector<long> dims_of(const BlobProto& proto) {
  if (is_legacy(proto)) return {proto.num(), proto.channels(), proto.height(), proto.width()};
  return {proto.shape().dim().begin(), proto.shape().dim().end()};
}

// Dimensions as text. They come from a file, so a Shape might refuse them.
std::string text_of(const std::vector<long>& dims) {
  return dims.empty() ? "scalar" : fmt::format("{}", fmt::join(dims, " "));
}

// The number of channels of a shape with one number for each channel: () or (C), in forks (1, C) or (1, C, 1, 1). -1
// for other shapes.
long channels_of(const std::vector<long>& dims) {
  if (dims.size() < 2) return dims.empty() ? 1 : dims[0];
  const bool ones = dims[0] == 1 && std::all_of(dims.begin() + 2, dims.end(), [](long dim) { return dim == 1; });
  return ones ? dims[1] : -1;
}

// A legacy shape has four axes, of which a bias's first three are 1.
bool fits(const BlobProto& proto, const Shape& shape) {
  const std::vector<long> dims = dims_of(proto);
  if (!is_legacy(proto))
    return dims == shape.dims() || (channels_of(dims) >= 0 && channels_of(dims) == channels_of(shape.dims()));
  if (shape.axes() > 4) return false;
  std::vector<long> padded(4 - static_cast<size_t>(shape.axes()), 1);
  padded.insert(padded.end(), shape.dims().begin(), shape.dims().end());
  return dims == padded;
}

void check_fits(const BlobProto& proto, const Shape& shape) {
  check(fits(proto, shape), "shape {} where {} is needed", text_of(dims_of(proto)), shape.str());
  const long values = value_count(proto);
  check(values == shape.count(), "{} values for shape {}", values, shape.str());
}

// Today's name of the old format's type. Types that a fork of Caffe added keep their names.
std::string type_of(const ModelV1Layer& old) {
  V1LayerParameter layer;
  if (old.has_type()) layer.set_type(old.type());
  if (old.has_layer()) layer.mutable_layer()->set_type(old.layer().type());
  try {
    Source nowhere;
    return upgrade_v1_layer(layer, nowhere).layer.type();
  } catch (const Error&) {
    return old.layer().type();
  }
}

// Converts layers of all formats to `layer`.
void modernize(ModelNet* model) {
  for (ModelV1Layer& old : *model->mutable_layers()) {
    ModelLayer* layer = model->add_layer();
    layer->set_type(type_of(old));
    layer->set_name(old.has_layer() ? old.layer().name() : old.name());
    *layer->mutable_blobs() = std::move(old.has_layer() ? *old.mutable_layer()->mutable_blobs() : *old.mutable_blobs());
  }
  model->clear_layers();
}

std::string what_else(std::string_view bytes) {
  if (bytes.starts_with("\x89HDF")) return "it is an HDF5 file";
  const auto printable = [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\t' || c == '\r'; };
  const std::string_view start = bytes.substr(0, 200);
  if (!bytes.empty() && std::all_of(start.begin(), start.end(), printable)) return "it is text";
  return bytes.empty() ? "it is empty" : "it is of another kind or a part of it is missing";
}

// Throws Error unless the layer's blobs fit the parameters.
void check_layer(const ModelLayer& from, const std::vector<Parameter>& parameters) {
  check(static_cast<size_t>(from.blobs_size()) == parameters.size(),
        "layer \"{}\" has {} blobs, and in the net {}; give it a new name there to let it start afresh", from.name(),
        from.blobs_size(), parameters.size());
  for (int k = 0; k < from.blobs_size(); ++k) {
    try {
      check_fits(from.blobs(k), parameters[k].shape());
    } catch (const Error& error) {
      throw Error("layer \"{}\", blob {}: {}; give the layer a new name in the net to let it start afresh", from.name(),
                  k, error.what());
    }
  }
}

}  // namespace

void to_proto(const Shape& shape, const real* data, BlobProto* proto) {
  check(shape.count() <= static_cast<long>(kLargest / sizeof(real)),
        "an array of shape {} is more than the 2 GB that the format can hold", shape.str());
  proto->mutable_shape();  // a scalar has a shape, which is empty
  for (const long dim : shape.dims()) proto->mutable_shape()->add_dim(dim);
  write_values(data, shape.count(), values_of(proto, real{}));
}

void from_proto(const BlobProto& proto, const Shape& shape, real* data) {
  check_fits(proto, shape);
  copy_values(proto, data);
}

ModelNet read_model(const std::string& path) {
  const std::string bytes = read_file(path, kLargest);
  ModelNet model;
  const bool parsed = model.ParseFromString(bytes);
  const bool layers = model.layer_size() > 0 || model.layers_size() > 0;
  check(parsed && (layers || model.has_name()), "{}: not a binary model: {}", path, what_else(bytes));
  modernize(&model);
  return model;
}

LoadReport load_weights(const ModelNet& model, Net* net) {
  check(net->has_memory(), "the net was built without memory (NetOptions::memory = false)");
  // If several layers have the same name, the one with parameters is meant; at most one has parameters.
  std::map<std::string, int> index;
  for (int i = 0; i < net->layers(); ++i) {
    if (!net->layer(i).parameters().empty()) index[net->layer_config(i).name()] = i;
  }
  for (int i = 0; i < net->layers(); ++i) index.try_emplace(net->layer_config(i).name(), i);
  std::set<std::string> with_blobs;
  for (const ModelLayer& from : model.layer()) {
    if (from.blobs_size() > 0) with_blobs.insert(from.name());
  }
  for (const ModelLayer& from : model.layer()) {
    const auto found = index.find(from.name());
    const bool namesake = from.blobs_size() == 0 && with_blobs.contains(from.name());
    if (found != index.end() && !namesake) check_layer(from, net->layer(found->second).parameters());
  }
  LoadReport report;
  std::set<std::string> taken;
  for (const ModelLayer& from : model.layer()) {
    if (from.blobs_size() == 0) continue;
    const auto found = index.find(from.name());
    if (found == index.end()) {
      report.unused.push_back(from.name());
      continue;
    }
    auto& parameters = net->layer(found->second).parameters();
    for (int k = 0; k < from.blobs_size(); ++k) {
      Parameter& to = parameters[k];
      from_proto(from.blobs(k), to.shape(), to.mutable_data());
      to.raise_version();
    }
    taken.insert(from.name());
  }
  report.layers = static_cast<int>(taken.size());
  for (int i = 0; i < net->layers(); ++i) {
    const std::string& name = net->layer_config(i).name();
    if (!net->layer(i).parameters().empty() && !taken.contains(name)) report.left.push_back(name);
  }
  return report;
}

LoadReport load_weights(const std::string& path, Net* net) {
  const ModelNet model = read_model(path);
  try {
    LoadReport report = load_weights(model, net);
    if (model.layer_size() == 0) {
      CREMA_WARN("{} is a model without layers: nothing is loaded", path);
    } else if (report.layers == 0) {
      CREMA_WARN("{} has parameters for no layer of the net: layers are matched by name", path);
    }
    return report;
  } catch (const Error& error) {
    throw Error("{}: {}", path, error.what());
  }
}

NetParameter to_model(const Net& net, bool with_diffs) {
  check(net.has_memory(), "the net was built without memory (NetOptions::memory = false)");
  NetParameter model;
  model.set_name(net.name());
  for (int i = 0; i < net.layers(); ++i) {
    LayerParameter* layer = model.add_layer();
    *layer = net.layer_config(i);
    layer->clear_blobs();
    for (const Parameter& parameter : net.layer(i).parameters()) {
      BlobProto* blob = layer->add_blobs();
      to_proto(parameter.shape(), parameter.data(), blob);
      if (with_diffs && parameter.storage()->diff.size() >= parameter.count()) {
        write_values(parameter.diff(), parameter.count(), diffs_of(blob, real{}));
      }
    }
  }
  return model;
}

std::string binary(const std::string& path, const google::protobuf::MessageLite& message) {
  const size_t size = message.ByteSizeLong();
  check(size <= kLargest, "{}: {} bytes are more than the 2 GB that the format can hold", path, size);
  std::string bytes;
  check(message.SerializeToString(&bytes), "{}: cannot be written in binary form", path);
  return bytes;
}

void write_binary(const std::string& path, const google::protobuf::MessageLite& message) {
  write_file(path, binary(path, message));
}

}  // namespace crema

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "config/move_field.h"
#include "config/suggest.h"
#include "config/upgrade.h"

namespace crema {
namespace {

// A V0 type's name today, and which fields of the common message belong to it; they move to the type's own message.
struct Type {
  std::string name, param;
  std::vector<std::string> fields;
};

const std::map<std::string, Type> kTypes = {
    {"accuracy", {"Accuracy", "", {}}},
    {"bnll", {"BNLL", "", {}}},
    {"concat", {"Concat", "concat_param", {"concat_dim"}}},
    {"conv",
     {"Convolution",
      "convolution_param",
      {"num_output", "biasterm", "weight_filler", "bias_filler", "pad", "kernelsize", "group", "stride"}}},
    {"data", {"Data", "data_param", {"source", "batchsize", "rand_skip"}}},
    {"dropout", {"Dropout", "dropout_param", {"dropout_ratio"}}},
    {"euclidean_loss", {"EuclideanLoss", "", {}}},
    {"flatten", {"Flatten", "", {}}},
    {"hdf5_data", {"HDF5Data", "hdf5_data_param", {"source", "batchsize"}}},
    {"hdf5_output", {"HDF5Output", "", {"hdf5_output_param"}}},
    {"im2col", {"Im2col", "", {}}},
    {"images",
     {"ImageData",
      "image_data_param",
      {"source", "batchsize", "rand_skip", "shuffle_images", "new_height", "new_width"}}},
    {"infogain_loss", {"InfogainLoss", "infogain_loss_param", {"source"}}},
    {"innerproduct",
     {"InnerProduct", "inner_product_param", {"num_output", "biasterm", "weight_filler", "bias_filler"}}},
    {"lrn", {"LRN", "lrn_param", {"local_size", "alpha", "beta", "k"}}},
    {"multinomial_logistic_loss", {"MultinomialLogisticLoss", "", {}}},
    {"pool", {"Pooling", "pooling_param", {"pad", "kernelsize", "stride", "pool"}}},
    {"relu", {"ReLU", "", {}}},
    {"sigmoid", {"Sigmoid", "", {}}},
    {"softmax", {"Softmax", "", {}}},
    {"softmax_loss", {"SoftmaxWithLoss", "", {}}},
    {"split", {"Split", "", {}}},
    {"tanh", {"TanH", "", {}}},
    {"window_data",
     {"WindowData",
      "window_data_param",
      {"source", "batchsize", "det_fg_threshold", "det_bg_threshold", "det_fg_fraction", "det_context_pad",
       "det_crop_mode"}}}};

// Fields that every type has, and where they go.
const std::map<std::string, std::string> kCommon = {{"name", "name"},
                                                    {"blobs", "blobs"},
                                                    {"blobs_lr", "param[{}].lr_mult"},
                                                    {"weight_decay", "param[{}].decay_mult"},
                                                    {"scale", "transform_param.scale"},
                                                    {"meanfile", "transform_param.mean_file"},
                                                    {"cropsize", "transform_param.crop_size"},
                                                    {"mirror", "transform_param.mirror"}};

// Fields that have another name in the message of their type.
const std::map<std::string, std::string> kRenamed = {
    {"biasterm", "bias_term"},          {"kernelsize", "kernel_size"},        {"batchsize", "batch_size"},
    {"shuffle_images", "shuffle"},      {"det_fg_threshold", "fg_threshold"}, {"det_bg_threshold", "bg_threshold"},
    {"det_fg_fraction", "fg_fraction"}, {"det_context_pad", "context_pad"},   {"det_crop_mode", "crop_mode"}};

std::string described(const V0LayerParameter& layer) {
  return fmt::format("layer {} ({})", in_quotes(layer.name()), shortened(layer.type()));
}

// Where a field of `type` goes; "" if the type has no such field.
std::string place_of(const std::string& field, const Type& type) {
  if (const auto common = kCommon.find(field); common != kCommon.end()) return common->second;
  if (std::find(type.fields.begin(), type.fields.end(), field) == type.fields.end()) return "";
  const auto renamed = kRenamed.find(field);
  const std::string& name = renamed == kRenamed.end() ? field : renamed->second;
  return type.param.empty() ? name : type.param + "." + name;
}

const Type& type_of(const V0LayerParameter& layer, const Source& source) {
  const auto found = kTypes.find(layer.type());
  if (found != kTypes.end()) return found->second;
  throw Error("{}: layer {} has unknown type {}{}", source.at("type"), in_quotes(layer.name()), in_quotes(layer.type()),
              suggestion(layer.type(), keys(kTypes)));
}

bool is_padding(const V1LayerParameter& layer) { return layer.layer().type() == "padding"; }

void check_padding(const V1LayerParameter& layer, const Source& source) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  layer.layer().GetReflection()->ListFields(layer.layer(), &fields);
  for (const auto* field : fields) {
    const bool known = field->name() == "name" || field->name() == "type" || field->name() == "pad";
    check(known, "{}: {} has no field \"{}\"", source.at("layer." + field->name()), described(layer.layer()),
          field->name());
  }
  check(layer.bottom_size() == 1 && layer.top_size() == 1, "{}: {} takes one bottom and one top, not {} and {}",
        source.at(), described(layer.layer()), layer.bottom_size(), layer.top_size());
}

// Writes the pad of a padding layer into the layer that reads it.
void fold(const V1LayerParameter& padding, const Source& padding_source, V1LayerParameter& reader, Source& source) {
  const std::string type = reader.layer().type();
  check(type == "conv" || type == "pool", "{}: {} reads a padding layer, which only conv and pool can",
        source.at("bottom"), described(reader.layer()));
  check(reader.bottom_size() == 1, "{}: {} takes one bottom, not {}", source.at("bottom"), described(reader.layer()),
        reader.bottom_size());
  check(!reader.layer().has_pad(), "{}: {} has a pad and reads a padding layer", source.at("layer.pad"),
        described(reader.layer()));
  reader.mutable_layer()->set_pad(padding.layer().pad());
  reader.set_bottom(0, padding.bottom(0));
  source.set("layer.pad", padding_source.find("layer.pad"));
}

}  // namespace

void upgrade_v0_layer(V0LayerParameter& old, Source& source, LocatedLayer& made) {
  const Type& type = type_of(old, source);
  check(made.layer.type().empty(), "{}: {} has a second type beside `layer`", made.source.at("type"), described(old));
  made.layer.set_type(type.name);
  source.move("type", made.source, "type");
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  old.GetReflection()->ListFields(old, &fields);
  // The name is moved last, since errors about the other fields show it.
  std::rotate(fields.begin(), fields.begin() + (old.has_name() ? 1 : 0), fields.end());
  for (const auto* field : fields) {
    if (field->name() == "type") continue;
    const std::string place = place_of(field->name(), type);
    check(!place.empty(), "{}: {} has no field \"{}\"", source.at(field->name()), described(old), field->name());
    move_field({old, source}, field->name(), {made.layer, made.source}, place);
  }
}

void fold_padding_layers(NetParameter& net, std::vector<Source>& sources) {
  std::map<std::string, int> producer;  // of each blob: the last layer that made it
  for (int i = 0; i < net.layers_size(); ++i) {
    V1LayerParameter& layer = *net.mutable_layers(i);
    Source& source = sources[i];
    if (is_padding(layer)) check_padding(layer, source);
    for (const std::string& blob : layer.bottom()) {
      const auto made = producer.find(blob);
      if (made == producer.end() || !is_padding(net.layers(made->second))) continue;
      fold(net.layers(made->second), sources[made->second], layer, source);
    }
    for (const std::string& blob : layer.top()) producer[blob] = i;
  }
  google::protobuf::RepeatedPtrField<V1LayerParameter> kept;
  std::vector<Source> kept_sources;
  for (int i = 0; i < net.layers_size(); ++i) {
    if (is_padding(net.layers(i))) continue;
    kept.Add()->Swap(net.mutable_layers(i));
    kept_sources.push_back(std::move(sources[i]));
  }
  net.mutable_layers()->Swap(&kept);
  sources.swap(kept_sources);
}

}  // namespace crema

// Checks that the tables of rows are complete: each layer type has gradient and forward rows, and every field of its
// messages appears in some row with a value that is not its default. Exceptions are listed here, with the reason.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>

#include "core/layer.h"
#include "rows/rows.h"

namespace crema {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Reasons = std::map<std::string, std::string>;

const Reasons kNoGradientRows = {
    {"Accuracy", "has no backward"},
    {"ArgMax", "has no backward"},
    {"Data", "a source: nothing to differentiate"},
    {"DummyData", "a source: nothing to differentiate"},
    {"HDF5Data", "a source: nothing to differentiate"},
    {"HDF5Output", "has no backward"},
    {"ImageData", "a source: nothing to differentiate"},
    {"Input", "a source: nothing to differentiate"},
    {"Threshold", "has no backward"},
    {"MemoryData", "a source: nothing to differentiate"},
    {"WindowData", "a source: nothing to differentiate"},
};

const Reasons kNoForwardRows = {
    {"HDF5Output", "has no tops: hdf5_output_test"},
    {"ImageData", "needs image files: image_data_test, data_layer_test"},
    {"Input", "stands below every row"},
    {"MemoryData", "needs feed(): memory_data_test"},
    {"WindowData", "needs image files: window_data_test"},
};

const Reasons kFieldsInNoRow = {
    {"BNParameter.engine", "there is one path"},
    {"DataParameter.force_encoded_color", "needs image files: data_layer_test"},
    {"DataParameter.rand_skip", "random: data_layer_test"},
    {"DataParameter.shuffle", "random: data_layer_test"},
    {"DataParameter.scale", "old place of transform_param's: moved there when a net is read, upgrade_test"},
    {"DataParameter.mean_file", "old place of transform_param's: moved there when a net is read, upgrade_test"},
    {"DataParameter.crop_size", "old place of transform_param's: moved there when a net is read, upgrade_test"},
    {"DataParameter.mirror", "old place of transform_param's: moved there when a net is read, upgrade_test"},
    {"HDF5DataParameter.shuffle", "random: data_hdf5_test"},
    {"HDF5OutputParameter.file_name", "has no tops: hdf5_output_test"},
    {"ImageDataParameter.crop_size", "old place of transform_param's: moved there when a net is read, upgrade_test"},
    {"ImageDataParameter.mean_file", "old place of transform_param's: moved there when a net is read, upgrade_test"},
    {"ImageDataParameter.mirror", "old place of transform_param's: moved there when a net is read, upgrade_test"},
    {"ImageDataParameter.scale", "old place of transform_param's: moved there when a net is read, upgrade_test"},
    {"ImageDataParameter.batch_size", "needs image files: image_data_test"},
    {"ImageDataParameter.is_color", "needs image files: image_data_test"},
    {"ImageDataParameter.new_height", "needs image files: image_data_test"},
    {"ImageDataParameter.new_width", "needs image files: image_data_test"},
    {"ImageDataParameter.rand_skip", "needs image files: image_data_test"},
    {"ImageDataParameter.root_folder", "needs image files: image_data_test"},
    {"ImageDataParameter.shuffle", "needs image files: image_data_test"},
    {"ImageDataParameter.source", "needs image files: image_data_test"},
    {"InputParameter.shape", "stands below every row"},
    {"LRNParameter.engine", "there is one path"},
    {"SPPParameter.engine", "there is one path"},
    {"MemoryDataParameter.batch_size", "needs feed(): memory_data_test"},
    {"MemoryDataParameter.channels", "needs feed(): memory_data_test"},
    {"MemoryDataParameter.height", "needs feed(): memory_data_test"},
    {"MemoryDataParameter.width", "needs feed(): memory_data_test"},
    {"SigmoidParameter.engine", "there is one path"},
    {"SoftmaxParameter.engine", "there is one path"},
    {"TanHParameter.engine", "there is one path"},
    {"TransformationParameter.force_color", "needs image files: data_layer_test"},
    {"TransformationParameter.force_gray", "needs image files: data_layer_test"},
    {"TransformationParameter.max_pixels", "needs image files: data_image_test"},
    {"TransformationParameter.mean_file", "needs a mean file: data_layer_test"},
    {"TransformationParameter.mirror", "random: data_test"},
    {"WindowDataParameter.batch_size", "needs image files: window_data_test"},
    {"WindowDataParameter.bg_threshold", "needs image files: window_data_test"},
    {"WindowDataParameter.cache_images", "needs image files: window_data_test"},
    {"WindowDataParameter.context_pad", "needs image files: window_data_test"},
    {"WindowDataParameter.crop_mode", "needs image files: window_data_test"},
    {"WindowDataParameter.crop_size", "old place of transform_param's: moved there when a net is read, upgrade_test"},
    {"WindowDataParameter.fg_fraction", "needs image files: window_data_test"},
    {"WindowDataParameter.fg_threshold", "needs image files: window_data_test"},
    {"WindowDataParameter.mean_file", "old place of transform_param's: moved there when a net is read, upgrade_test"},
    {"WindowDataParameter.mirror", "old place of transform_param's: moved there when a net is read, upgrade_test"},
    {"WindowDataParameter.root_folder", "needs image files: window_data_test"},
    {"WindowDataParameter.scale", "old place of transform_param's: moved there when a net is read, upgrade_test"},
    {"WindowDataParameter.source", "needs image files: window_data_test"},
};

std::string name_of(const FieldDescriptor& field) {
  return field.full_name().substr(field.file()->package().size() + 1);
}

std::string text_of(const Message& message, const FieldDescriptor& field) {
  std::string text;
  google::protobuf::TextFormat::PrintFieldValueToString(message, &field, -1, &text);
  return text;
}

// Whether the field is set, and to another value than its absence means.
bool is_told(const Message& message, const FieldDescriptor& field) {
  const auto* reflection = message.GetReflection();
  if (field.is_repeated()) return reflection->FieldSize(message, &field) > 0;
  if (!reflection->HasField(message, &field)) return false;
  const bool absence_has_a_value = field.message_type() == nullptr && field.has_default_value();
  if (!absence_has_a_value) return true;
  const auto fresh = std::unique_ptr<Message>(message.New());
  return text_of(message, field) != text_of(*fresh, field);
}

// Adds the fields of `message` that are set to something else than their default.
void add_told(const Message& message, std::set<std::string>* told) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (is_told(message, field)) told->insert(name_of(field));
  }
}

const FieldDescriptor& param_field(const std::string& name) {
  const FieldDescriptor* field = LayerParameter::descriptor()->FindFieldByName(name);
  check(field != nullptr && field->message_type() != nullptr, "LayerParameter has no message \"{}\"", name);
  return *field;
}

// All rows' layers, of both tables.
std::vector<LayerParameter> all_layers() {
  std::vector<LayerParameter> layers;
  for (const GradientRow& row : gradient_rows()) layers.push_back(parse_layer(row.layer));
  for (const ForwardRow& row : forward_rows()) layers.push_back(parse_layer(row.layer));
  return layers;
}

template <typename Row>
std::set<std::string> types_of(const std::vector<Row>& rows) {
  std::set<std::string> types;
  for (const Row& row : rows) types.insert(parse_layer(row.layer).type());
  return types;
}

void expect_rows(const std::set<std::string>& types, const Reasons& exempt, const char* kind) {
  for (const auto& [type, entry] : layer_types()) {
    EXPECT_NE(types.contains(type), exempt.contains(type))
        << type << (types.contains(type) ? " has rows and is listed as having none: " : " has no rows: ") << kind;
  }
  for (const auto& [type, reason] : exempt) EXPECT_TRUE(layer_types().contains(type)) << type << " is no layer type";
}

TEST(Coverage, EveryTypeHasGradientRows) { expect_rows(types_of(gradient_rows()), kNoGradientRows, "gradient"); }

TEST(Coverage, EveryTypeHasForwardRows) { expect_rows(types_of(forward_rows()), kNoForwardRows, "forward"); }

TEST(Coverage, EveryFieldStandsInSomeRow) {
  std::set<std::string> told, fields;
  for (const LayerParameter& layer : all_layers()) {
    for (const std::string& name : layer_types().at(layer.type()).params) {
      add_told(layer.GetReflection()->GetMessage(layer, &param_field(name)), &told);
    }
  }
  for (const auto& [type, entry] : layer_types()) {
    for (const std::string& name : entry.params) {
      const auto* message = param_field(name).message_type();
      for (int i = 0; i < message->field_count(); ++i) fields.insert(name_of(*message->field(i)));
    }
  }
  for (const std::string& field : fields) {
    EXPECT_NE(told.contains(field), kFieldsInNoRow.contains(field))
        << field
        << (told.contains(field) ? " stands in a row and is listed as standing in none"
                                 : " stands in no row with a value that is not its default");
  }
  for (const auto& [field, reason] : kFieldsInNoRow) EXPECT_TRUE(fields.contains(field)) << field << " is no field";
}

TEST(Coverage, RowsHaveNamesOfTheirOwn) {
  std::set<std::string> gradient, forward;
  for (const GradientRow& row : gradient_rows()) EXPECT_TRUE(gradient.insert(row.name).second) << row.name;
  for (const ForwardRow& row : forward_rows()) EXPECT_TRUE(forward.insert(row.name).second) << row.name;
}

}  // namespace
}  // namespace crema

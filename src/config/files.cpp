#include "config/files.h"

#include "base/error.h"
#include "base/file.h"

namespace crema {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string found_file(const std::string& name, const Message& message, const Source& source, const std::string& path) {
  const auto* data = dynamic_cast<const DataParameter*>(&message);
  const bool packed_too = data && data->backend() == DataParameter::IDX;
  try {
    return find_beside(name, source.file, path, packed_too);
  } catch (const Error& error) {
    throw Error("{}: {}", source.at(path), error.what());
  }
}

void resolve_field(Message& message, const FieldDescriptor& field, const Source& source, const std::string& path);

// `path` leads to `message`: "" or "data_param.".
void resolve_message(Message& message, const Source& source, const std::string& path) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) resolve_field(message, *field, source, path + field->name());
}

void resolve_field(Message& message, const FieldDescriptor& field, const Source& source, const std::string& path) {
  const auto& reflection = *message.GetReflection();
  const bool is_message = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  if (is_message && field.message_type() == NetParameter::descriptor()) return;
  if (!is_message && !field.options().GetExtension(input_file)) return;
  if (!field.is_repeated()) {
    if (is_message) return resolve_message(*reflection.MutableMessage(&message, &field), source, path + ".");
    return reflection.SetString(&message, &field,
                                found_file(reflection.GetString(message, &field), message, source, path));
  }
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const std::string one = fmt::format("{}[{}]", path, i);
    if (is_message) {
      resolve_message(*reflection.MutableRepeatedMessage(&message, &field, i), source, one + ".");
    } else {
      reflection.SetRepeatedString(&message, &field, i,
                                   found_file(reflection.GetRepeatedString(message, &field, i), message, source, one));
    }
  }
}

}  // namespace

void resolve_files(Message& message, const Source& source) { resolve_message(message, source, ""); }

void resolve_files(NetConfig& config) {
  for (int i = 0; i < config.net.layer_size(); ++i) {
    resolve_files(*config.net.mutable_layer(i), config.layers[i]);
  }
}

}  // namespace crema

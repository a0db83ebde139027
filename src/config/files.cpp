#include "config/files.h"

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

namespace crema {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

namespace fs = std::filesystem;

// The path of `name` in the nearest folder above `folder` that has such a file; "" if none has.
std::string found_above(const std::string& name, const fs::path& folder) {
  std::error_code ignored;
  for (fs::path at = fs::absolute(folder, ignored).lexically_normal(); at.has_relative_path();) {
    at = at.parent_path();
    if (fs::is_regular_file(at / name, ignored)) return (at / name).string();
  }
  return "";
}

// A solver's path to its net is relative to the folder in which trainings are started. That folder may be above both
// the solver and the working directory.
std::string found_net(const std::string& name, const Source& source, const std::string& path) {
  if (fs::path(name).is_absolute()) return "";
  std::string found = found_above(name, fs::path(source.file).parent_path() / ".");
  if (found.empty()) found = found_above(name, ".");
  if (!found.empty())
    CREMA_INFO("{}: {} {} is taken from {}", source.at(path), path, in_quotes(name), in_quotes(found));
  return found;
}

std::string found_file(const std::string& name, const Message& message, const Source& source, const std::string& path) {
  const auto* data = dynamic_cast<const DataParameter*>(&message);
  const bool packed_too = data && data->backend() == DataParameter::IDX;
  const bool is_net = message.GetDescriptor() == SolverParameter::descriptor() && !path.starts_with("weights");
  try {
    return find_beside(name, source.file, path, packed_too);
  } catch (const Error& error) {
    std::string above = is_net && !name.empty() ? found_net(name, source, path) : "";
    if (!above.empty()) return above;
    const bool looked_above = is_net && !name.empty() && !fs::path(name).is_absolute();
    throw Error("{}: {}{}", source.at(path), error.what(), looked_above ? ", nor in a folder above" : "");
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

#include "support/layers_page.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "core/layer.h"
#include "rows/rows.h"

namespace crema {
namespace {

namespace fs = std::filesystem;
using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::SourceLocation;

// --- text ------------------------------------------------------------------------------------------------------------

std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  check(in.good(), "{}: cannot be read", path.string());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string without_spaces_around(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \n"), end = text.find_last_not_of(" \n");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

// Joins the lines of a comment into one that is safe inside a table.
std::string one_line(const std::string& comment) {
  std::string line;
  for (const std::string& part : lines_of(comment)) {
    const std::string words = without_spaces_around(part);
    if (!words.empty()) line += (line.empty() ? "" : " ") + words;
  }
  std::string safe;
  for (const char c : line) {
    if (std::string_view("|*_<").find(c) != std::string_view::npos) safe += '\\';
    safe += c;
  }
  return safe;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// --- the sources -----------------------------------------------------------------------------------------------------

struct LayerSource {
  std::string file;     // "src/layers/elu.cpp"
  std::string comment;  // its opening comment without slashes
};

std::string opening_comment(const std::string& text, const std::string& file) {
  std::string comment;
  for (const std::string& line : lines_of(text)) {
    if (!line.starts_with("//")) break;
    comment += (line.size() > 3 ? line.substr(3) : "") + "\n";
  }
  check(!comment.empty(), "{} has no opening comment", file);
  return comment;
}

// Where each type is registered: RegisterLayer<Elu> registered("ELU", "elu_param"), selu("SELU", "selu_param");
std::map<std::string, LayerSource> find_sources(const fs::path& root) {
  std::map<std::string, LayerSource> sources;
  for (const auto& entry : fs::directory_iterator(root / "src" / "layers")) {
    const std::string file = "src/layers/" + entry.path().filename().string(), text = read_file(entry.path());
    const LayerSource source{file, opening_comment(text, file)};
    for (size_t at = text.find("RegisterLayer<"); at != std::string::npos; at = text.find("RegisterLayer<", at + 1)) {
      const std::string statement = text.substr(at, text.find(';', at) - at);
      for (size_t open = statement.find("(\""); open != std::string::npos; open = statement.find("(\"", open + 1)) {
        sources[statement.substr(open + 2, statement.find('"', open + 2) - open - 2)] = source;
      }
    }
  }
  return sources;
}

// --- the schema ------------------------------------------------------------------------------------------------------

// The schema as protoc describes it, comments included.
class Schema {
 public:
  Schema() {
    google::protobuf::FileDescriptorSet files;
    check(files.ParseFromString(read_file(CREMA_DESCRIBED_SCHEMA)), "{} cannot be parsed", CREMA_DESCRIBED_SCHEMA);
    for (const auto& file : files.file()) pool_.BuildFile(file);
  }

  const Descriptor& message(const std::string& name) const { return *pool_.FindMessageTypeByName("crema." + name); }

 private:
  google::protobuf::DescriptorPool pool_;
};

template <typename D>
std::string comment_of(const D& descriptor) {
  SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return "";
  return one_line(location.leading_comments + "\n" + location.trailing_comments);
}

// Separate comments above a field, which describe a group of fields.
std::string heading_of(const FieldDescriptor& field) {
  SourceLocation location;
  std::string text;
  if (!field.GetSourceLocation(&location)) return text;
  for (const std::string& comment : location.leading_detached_comments) text += comment + "\n";
  return one_line(text);
}

std::string anchor(const std::string& message) { return fmt::format("[{}](#{})", message, lower(message)); }

// Messages inside the messages of several types; they are described once.
const std::set<std::string> kShared = {"FillerParameter", "BlobShape", "TransformationParameter", "LossParameter"};

std::string type_of(const FieldDescriptor& field) {
  std::string type = field.type_name();
  if (field.message_type() != nullptr) type = anchor(field.message_type()->name());
  if (field.enum_type() != nullptr) type = "enum";
  return field.is_repeated() ? type + ", any number" : field.is_required() ? type + ", required" : type;
}

std::string default_of(const FieldDescriptor& field) {
  if (field.is_repeated() || field.message_type() != nullptr || !field.has_default_value()) return "";
  if (field.enum_type() != nullptr) return field.default_value_enum()->name();
  const auto number = [](auto value) { return fmt::format("{}", value); };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return field.default_value_bool() ? "true" : "false";
    case FieldDescriptor::CPPTYPE_FLOAT:
      return number(field.default_value_float());
    case FieldDescriptor::CPPTYPE_INT32:
      return number(field.default_value_int32());
    case FieldDescriptor::CPPTYPE_UINT32:
      return number(field.default_value_uint32());
    case FieldDescriptor::CPPTYPE_UINT64:
      return number(field.default_value_uint64());
    default:
      return field.default_value_string().empty() ? "" : "\"" + field.default_value_string() + "\"";
  }
}

std::string meaning_of(const FieldDescriptor& field) {
  std::string meaning = comment_of(field);
  if (field.enum_type() == nullptr) return meaning;
  std::string values;
  for (int i = 0; i < field.enum_type()->value_count(); ++i) {
    const auto& value = *field.enum_type()->value(i);
    const std::string what = comment_of(value);
    if (!values.empty()) values += "; ";
    values += fmt::format("`{}`{}{}", value.name(), what.empty() ? "" : ": ", what);
  }
  return meaning + (meaning.empty() ? "" : ". ") + values;
}

std::string table_of(const Descriptor& message) {
  if (message.field_count() == 0) return "";
  std::string table = "| field | type | default | meaning |\n| --- | --- | --- | --- |\n";
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    const std::string heading = heading_of(field);
    if (!heading.empty()) table += fmt::format("| | | | *{}* |\n", heading);
    table +=
        fmt::format("| `{}` | {} | {} | {} |\n", field.name(), type_of(field), default_of(field), meaning_of(field));
  }
  return table + "\n";
}

// --- the examples ----------------------------------------------------------------------------------------------------

struct Example {
  std::string layer;
  size_t bottoms = 0, tops = 0;
};

// The first row of each type; a row with settings is preferred.
std::map<std::string, Example> find_examples() {
  std::map<std::string, Example> examples;
  const auto offer = [&](const std::string& layer, size_t bottoms, size_t tops) {
    const std::string type = parse_layer(layer).type();
    const auto found = examples.find(type);
    const bool better = found != examples.end() && found->second.layer.find("_param") == std::string::npos &&
                        layer.find("_param") != std::string::npos;
    if (found == examples.end() || better) examples[type] = {layer, bottoms, tops};
  };
  for (const GradientRow& row : gradient_rows()) offer(row.layer, row.bottoms.size(), static_cast<size_t>(row.tops));
  for (const ForwardRow& row : forward_rows()) offer(row.layer, row.bottoms.size(), row.tops.arrays.size());
  return examples;
}

std::string example_text(const std::string& type, const Example& example) {
  std::string layer = example.layer;
  for (size_t at; (at = layer.find("{files}/")) != std::string::npos;) layer.replace(at, 8, "");
  LayerParameter message = parse_layer(layer);
  LayerParameter named;
  named.set_name(lower(type) + "1");
  named.set_type(type);
  const auto blob = [](const char* what, size_t k, size_t all) {
    return all == 1 ? std::string(what) : fmt::format("{}{}", what, k + 1);
  };
  for (size_t b = 0; b < example.bottoms; ++b) named.add_bottom(blob("x", b, example.bottoms));
  for (size_t t = 0; t < example.tops; ++t) named.add_top(blob("y", t, example.tops));
  message.clear_type();
  named.MergeFrom(message);
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseShortRepeatedPrimitives(true);
  printer.SetInitialIndentLevel(1);
  std::string text;
  printer.PrintToString(named, &text);
  return "```\nlayer {\n" + text + "}\n```\n\n";
}

// --- the page --------------------------------------------------------------------------------------------------------

std::string section(const std::string& type, const LayerSource& source, const Schema& schema,
                    const std::map<std::string, Example>& examples) {
  std::string text =
      fmt::format("## {}\n\n```\n{}```\n\nSource: [{}](../{})\n\n", type, source.comment, source.file, source.file);
  const Descriptor& layer = schema.message("LayerParameter");
  for (const std::string& param : layer_types().at(type).params) {
    const Descriptor& message = *layer.FindFieldByName(param)->message_type();
    if (kShared.contains(message.name())) {
      text += fmt::format("`{}`: {}\n\n", param, anchor(message.name()));
    } else {
      text += fmt::format("`{}`:\n\n{}", param, table_of(message));
    }
  }
  const auto example = examples.find(type);
  return example == examples.end() ? text : text + example_text(type, example->second);
}

const std::string kIntroduction = R"(# Layers

All layer types, each with what its source says of it, its settings and an example. x are bottoms, y tops, w and b
parameters, dx the gradient at x. Parameters are listed in the order in which a model file holds them. Fields that every
layer has (`name`, `bottom`, `top`, `include`, `param`, `loss_weight`, ...) are described in
[proto/crema.proto](../proto/crema.proto).

)";

using Types = std::vector<std::pair<std::string, LayerSource>>;

// Links to all sections.
std::string contents(const Types& types) {
  std::string text, line, previous;
  for (const auto& [type, source] : types) {
    // If headings differ only in case, Markdown viewers number the later ones.
    const bool again = std::exchange(previous, lower(type)) == lower(type);
    const std::string link =
        fmt::format("[{}](#{}{}){}", type, lower(type), again ? "-1" : "", type == types.back().first ? "" : ",");
    if (line.size() + link.size() > 118) text += std::exchange(line, "") + "\n";
    line += (line.empty() ? "" : " ") + link;
  }
  return text + line + "\n\n";
}

}  // namespace

std::string layers_page(const std::string& root) {
  const Schema schema;
  const auto sources = find_sources(root);
  const auto examples = find_examples();
  Types types;
  for (const auto& [type, entry] : layer_types()) {
    const auto found = sources.find(type);
    check(found != sources.end(), "type {} is registered in no file of src/layers", type);
    types.emplace_back(type, found->second);
  }
  std::stable_sort(types.begin(), types.end(),
                   [](const auto& a, const auto& b) { return lower(a.first) < lower(b.first); });
  std::string text = kIntroduction + contents(types);
  for (const auto& [type, source] : types) text += section(type, source, schema, examples);
  text += "# Settings that several layers share\n\n";
  for (const std::string& name : kShared) {
    const Descriptor& message = schema.message(name);
    text += fmt::format("## {}\n\n{}\n\n{}", name, comment_of(message), table_of(message));
  }
  text.pop_back();
  return text;
}

}  // namespace crema

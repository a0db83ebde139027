#include "config/prototxt.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "config/prototxt_value.h"
#include "config/suggest.h"

namespace crema {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::io::ArrayInputStream;

constexpr int kPositionsOfNumbers = 100;

std::vector<std::string> field_names(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

// Where a name that is no field of `type` would be one: in the other kind of file, or inside a message that `type`
// holds.
std::string place_of(const std::string& name, const Descriptor& type) {
  const auto known_to = [&](const char* other) {
    const Descriptor* found = type.file()->FindMessageTypeByName(other);
    return found && found->FindFieldByName(name);
  };
  if (type.name() == "NetParameter" && known_to("SolverParameter")) return "; is this file a solver, and not a net?";
  if (type.name() == "SolverParameter" && known_to("NetParameter")) return "; is this file a net, and not a solver?";
  std::vector<std::string> holders;
  for (int i = 0; i < type.field_count(); ++i) {
    const Descriptor* inner = type.field(i)->message_type();
    if (inner && inner->FindFieldByName(name)) holders.push_back('"' + type.field(i)->name() + '"');
  }
  if (holders.size() > 3) return "; it belongs inside the \"*_param\" of the layer's type";
  return holders.empty() ? "" : fmt::format("; it belongs inside {}", fmt::join(holders, " or "));
}

// Descends once per message that holds another; the schema has no message that can hold itself, so its depth is the
// bound of the recursion.
class Parser {
 public:
  Parser(std::string_view text, Source& source)
      : stream_(text.data(), static_cast<int>(text.size())), tokens_(stream_, source.file), source_(source) {}

  void parse(Message& message) {
    while (!tokens_.at_end()) parse_field(message, "");
    check_required(message, source_.position, message.GetDescriptor()->name());
  }

 private:
  // One field, with the comma or semicolon that may follow it. `path` is the message's: "" or "layer[3].".
  void parse_field(Message& message, const std::string& path) {
    const Position where = tokens_.position();
    const std::string name = tokens_.identifier("a field name");
    const Descriptor& type = *message.GetDescriptor();
    const FieldDescriptor* field = type.FindFieldByName(name);
    if (!field) {
      const std::string near = suggestion(name, field_names(type));
      tokens_.fail(where, "{} has no field {}{}", type.name(), quoted(name),
                   near.empty() ? place_of(name, type) : near);
    }
    if (!field->is_repeated() && message.GetReflection()->HasField(message, field)) {
      tokens_.fail(where, "field \"{}\" is given twice; the first is in line {}", name, source_.find(path + name).line);
    }
    if (!tokens_.take(":") && field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      tokens_.fail("expected \":\" after \"{}\", found {}", name, tokens_.shown());
    }
    if (field->is_repeated() && tokens_.take("[")) {
      parse_list(message, *field, path);
    } else {
      parse_element(message, *field, path, where);
    }
    tokens_.take(";") || tokens_.take(",");
  }

  // The rest of "[1, 2, 3]".
  void parse_list(Message& message, const FieldDescriptor& field, const std::string& path) {
    if (tokens_.take("]")) return;
    do {
      parse_element(message, field, path, tokens_.position());
    } while (tokens_.take(","));
    tokens_.expect("]", "\",\" or \"]\"");
  }

  void parse_element(Message& message, const FieldDescriptor& field, const std::string& path, Position where) {
    const auto& reflection = *message.GetReflection();
    const int index = field.is_repeated() ? reflection.FieldSize(message, &field) : 0;
    const auto own_path = [&] {
      return index > 0 ? fmt::format("{}{}[{}]", path, field.name(), index) : path + field.name();
    };
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      parse_value(tokens_, message, field);
      const bool is_name = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
      if (is_name || index < kPositionsOfNumbers) source_.fields[own_path()] = where;
      return;
    }
    const std::string inner = own_path();
    source_.fields[inner] = where;
    Message& held =
        field.is_repeated() ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field);
    parse_block(held, field.name(), inner + ".", where);
  }

  // "{ ... }" or "< ... >".
  void parse_block(Message& message, const std::string& name, const std::string& path, Position where) {
    const std::string close = tokens_.take("<") ? ">" : "}";
    if (close == "}") tokens_.expect("{", fmt::format("\"{{\" after \"{}\"", name));
    while (!tokens_.is(">") && !tokens_.is("}")) {
      if (tokens_.at_end()) tokens_.fail(where, "\"{}\" is not closed: the file ends within it", name);
      parse_field(message, path);
    }
    tokens_.expect(close, fmt::format("\"{}\"", close));
    check_required(message, where, name);
  }

  void check_required(const Message& message, Position where, const std::string& name) {
    const Descriptor& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor* field = type.field(i);
      if (field->is_required() && !message.GetReflection()->HasField(message, field)) {
        tokens_.fail(where, "{} lacks the field \"{}\", which it must have", name, field->name());
      }
    }
  }

  ArrayInputStream stream_;
  Tokens tokens_;
  Source& source_;
};

// Weights and data are binary; given where text belongs, the first odd byte says so better than a syntax error.
void check_text(std::string_view text, const std::string& file) {
  int line = 1, column = 1;
  for (const char c : text.substr(0, 8192)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool white = byte == '\t' || byte == '\n' || byte == '\v' || byte == '\f' || byte == '\r';
    check(byte >= 0x20 || white, "{}:{}:{}: byte 0x{:02X}: this is a binary file, where text (.prototxt) belongs", file,
          line, column, byte);
    line += c == '\n';
    column = c == '\n' ? 1 : column + 1;
  }
}

}  // namespace

Source parse_prototxt(std::string_view text, const std::string& file, Message& message) {
  Source source{file, {}, {}};
  check(text.size() <= kLongestText, "{}: longer than the {} bytes of text that are read at most", source.at(),
        kLongestText);
  check_text(text, source.at());
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  message.Clear();
  Parser(text, source).parse(message);
  return source;
}

Source read_prototxt(const std::string& path, Message& message) {
  return parse_prototxt(read_file(path, kLongestText), path, message);
}

}  // namespace crema

#include "config/prototxt.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "config/open_blocks.h"
#include "config/prototxt_value.h"
#include "config/unknown_field.h"
#include "crema.pb.h"

namespace crema {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::io::ArrayInputStream;

constexpr int kPositionsOfNumbers = 100;
constexpr size_t kMostFaults = 1000;

// Recursion goes one level deeper for each message inside a message. No message of the schema can contain itself, so
// the schema's depth limits the recursion.
class Parser {
 public:
  Parser(std::string_view text, Source& source, const Reading& reading)
      : stream_(text.data(), static_cast<int>(text.size())), file_(source.file), source_(source), reading_(reading) {}

  void parse(Message& message) {
    open_.open({&message, "", {}});
    try {
      tokens_.emplace(stream_, file_);
      while (!tokens().at_end()) parse_field(message, "");
      check_required(message, source_.position, message.GetDescriptor()->name());
    } catch (const Error& error) {
      if (!reading_.faults) throw;
      note_fault(error);
    }
  }

 private:
  Tokens& tokens() { return *tokens_; }

  // A fault after which reading can go on. Thrown if faults are not collected.
  template <typename... Args>
  void refuse(Position where, fmt::format_string<Args...> format, Args&&... args) {
    try {
      tokens().fail(where, format, std::forward<Args>(args)...);
    } catch (const Error& error) {
      if (!reading_.faults) throw;
      add_fault(error);
    }
  }

  // Throws it instead if there are very many already.
  void add_fault(const Error& error) {
    if (reading_.faults->size() == kMostFaults) throw Error("{}: there are more faults", file_);
    note_fault(error);
  }

  void note_fault(const Error& error) { reading_.faults->push_back({error.what(), open_.layer()}); }

  // One field, with the comma or semicolon that may follow it. `path` is the message's: "" or "layer[3].".
  void parse_field(Message& message, const std::string& path) {
    if (tokens().is("}") && refuse_extra_close()) return;
    const Position where = tokens().position();
    begins_line_ = begins_line();
    const std::string name = tokens().identifier("a field name");
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
    if (!field) {
      parse_unknown(message, name, path, where);
    } else if (!field->is_repeated() && message.GetReflection()->HasField(message, field)) {
      refuse(where, "field \"{}\" is given twice; the first is in line {}", name, source_.find(path + name).line);
      skip_value(message);
    } else if (!tokens().take(":") && field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      refuse(tokens().position(), "expected \":\" after \"{}\", found {}", name, tokens().shown());
      skip_value(message);
    } else if (field->is_repeated() && tokens().take("[")) {
      parse_list(message, *field, path);
    } else {
      parse_element(message, *field, path, where);
    }
    tokens().take(";") || tokens().take(",");
  }

  // The rest of "[1, 2, 3]".
  void parse_list(Message& message, const FieldDescriptor& field, const std::string& path) {
    if (tokens().take("]")) return;
    do {
      parse_element(message, field, path, tokens().position());
    } while (tokens().take(","));
    tokens().expect("]", "\",\" or \"]\"");
  }

  void parse_element(Message& message, const FieldDescriptor& field, const std::string& path, Position where) {
    const auto& reflection = *message.GetReflection();
    const int index = field.is_repeated() ? reflection.FieldSize(message, &field) : 0;
    const auto own_path = [&] {
      return index > 0 ? fmt::format("{}{}[{}]", path, field.name(), index) : path + field.name();
    };
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!parse_scalar(message, field)) return;
      const bool is_name = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
      if (is_name || index < kPositionsOfNumbers) source_.fields[own_path()] = where;
      return;
    }
    check(!is_layer(*field.message_type()) || index < kMostLayers, "{}:{}: the net has more than {} layers", file_,
          where.line, kMostLayers);
    const std::string inner = own_path();
    source_.fields[inner] = where;
    Message& held =
        field.is_repeated() ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field);
    parse_block(held, field.name(), inner + ".", where);
  }

  // Whether there was a value that fits.
  bool parse_scalar(Message& message, const FieldDescriptor& field) {
    try {
      parse_value(tokens(), message, field);
      return true;
    } catch (const Error& error) {
      if (!reading_.faults || tokens().broken()) throw;
      add_fault(error);
    }
    skip_value(message);
    return false;
  }

  // "{ ... }" or "< ... >".
  void parse_block(Message& message, const std::string& name, const std::string& path, Position where) {
    const std::string close = tokens().take("<") ? ">" : "}";
    if (close == "}") tokens().expect("{", fmt::format("\"{{\" after \"{}\"", name));
    open_.open({&message, name, where, begins_line_});
    while (!tokens().is(">") && !tokens().is("}")) {
      if (tokens().at_end()) refuse_end();
      if (missing_closes_ == 0) find_missing_closes();
      if (missing_closes_ > 0) {
        --missing_closes_;
        return open_.pop();
      }
      parse_field(message, path);
    }
    open_.note_close(tokens().position(), begins_line());
    tokens().expect(close, fmt::format("\"{}\"", close));
    check_required(message, where, name);
    open_.pop();
  }

  bool begins_line() { return tokens().position().line > tokens().previous_line(); }

  // A layer cannot begin within a layer: if one does, a "}" is missing.
  void find_missing_closes() {
    if (!tokens().is("layer") && !tokens().is("layers")) return;
    const auto fault = open_.missing_close(tokens().text(), tokens().position().line);
    if (!fault) return;
    refuse(fault->where, "{}", fault->text);
    missing_closes_ = fault->blocks;
  }

  [[noreturn]] void refuse_end() {
    const OpenBlocks::Fault fault = open_.unclosed_end();
    tokens().fail(fault.where, "{}", fault.text);
  }
  // `sign` at `begin` opens a value that is skipped.
  [[noreturn]] void refuse_end(Position begin, const std::string& sign) {
    if (open_.in_the_file_itself()) tokens().fail(begin, "{} is not closed: the file ends within it", sign);
    refuse_end();
  }

  bool refuse_extra_close() {
    const auto fault = open_.extra_close();
    if (!fault) return false;
    refuse(tokens().position(), "{}", *fault);
    tokens().next();
    return true;
  }

  void parse_unknown(const Message& message, const std::string& name, const std::string& path, Position where) {
    const Descriptor& type = *message.GetDescriptor();
    const bool may_be_other =
        reading_.other_params && &type == LayerParameter::descriptor() && name.ends_with("_param");
    if (may_be_other) {
      source_.fields[path + name] = where;
    } else {
      const std::string outer = open_.outer_place(name);
      refuse(where, "{}{}",
             outer.empty() ? unknown_field(name, type) : type.name() + " has no field " + in_quotes(name),
             outer.empty() ? open_.closed_place(name) : outer);
    }
    skip_value(message);
  }

  // Skips the value of a refused field, or the rest of it: a block, a list, a word, or adjacent strings.
  void skip_value(const Message& message) {
    tokens().take(":");
    int depth = 0;
    const Position begin = tokens().position();
    const std::string sign = tokens().shown();
    for (bool more = true; more;) {
      if (tokens().at_end() && depth > 0) refuse_end(begin, sign);
      const bool opens = tokens().is("{") || tokens().is("<") || tokens().is("[");
      const bool closes = tokens().is("}") || tokens().is(">") || tokens().is("]");
      if (tokens().at_end() || (depth == 0 && (closes || begins_field(message)))) return;  // there is none
      depth += opens ? 1 : closes ? -1 : 0;
      const bool minus = tokens().is("-"), text = tokens().is(Tokens::Tokenizer::TYPE_STRING);
      tokens().next();
      more = depth > 0 || minus || (text && tokens().is(Tokens::Tokenizer::TYPE_STRING));
    }
  }

  // Whether a field of `message` begins here, at the beginning of a line, where a value is expected.
  bool begins_field(const Message& message) {
    return begins_line() && message.GetDescriptor()->FindFieldByName(tokens().text()) != nullptr;
  }

  void check_required(const Message& message, Position where, const std::string& name) {
    const Descriptor& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor* field = type.field(i);
      if (field->is_required() && !message.GetReflection()->HasField(message, field)) {
        refuse(where, "{} lacks the field \"{}\", which it must have", name, field->name());
      }
    }
  }

  ArrayInputStream stream_;
  const std::string file_;
  std::optional<Tokens> tokens_;
  Source& source_;
  const Reading& reading_;
  OpenBlocks open_;
  int missing_closes_ = 0;    // so many of the open blocks end without a "}"
  bool begins_line_ = false;  // whether the field that was begun last begins its line
};

std::string_view binary_hint(std::string_view file) {
  if (file.ends_with(".solverstate")) return "; a solver's state goes to --resume";
  return file.ends_with(".caffemodel") ? "; a model goes to --weights" : "";
}

// Weights and data are binary files. If one is given instead of a text, an error about its first odd byte is clearer
// than a syntax error.
void check_text(std::string_view text, const std::string& file) {
  int line = 1, column = 1;
  for (const char c : text.substr(0, 8192)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool white = byte == '\t' || byte == '\n' || byte == '\v' || byte == '\f' || byte == '\r';
    check(byte >= 0x20 || white, "{}:{}:{}: byte 0x{:02X}: this is a binary file, where text (.prototxt) belongs{}",
          file, line, column, byte, binary_hint(file));
    line += c == '\n';
    column = c == '\n' ? 1 : column + 1;
  }
}

}  // namespace

Source parse_prototxt(std::string_view text, const std::string& file, Message& message, const Reading& reading) {
  Source source{file, {}, {}};
  check(text.size() <= kLongestText, "{}: longer than the {} bytes of text that are read at most", source.at(),
        kLongestText);
  check_text(text, source.at());
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  message.Clear();
  Parser(text, source, reading).parse(message);
  return source;
}

std::string read_text(const std::string& path) { return read_file(path == "-" ? "/dev/stdin" : path, kLongestText); }

}  // namespace crema

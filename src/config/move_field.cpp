#include "config/move_field.h"

#include <fmt/format.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <cstdlib>

#include "base/error.h"

namespace crema {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

// A field of a message that is nested somewhere in another.
struct Slot {
  Message& message;
  const FieldDescriptor& field;

  bool repeated() const { return field.is_repeated(); }
  bool is_message() const { return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE; }
  bool filled() const { return !repeated() && message.GetReflection()->HasField(message, &field); }
  int size() const { return repeated() ? message.GetReflection()->FieldSize(message, &field) : filled() ? 1 : 0; }
};

const FieldDescriptor* field_of(const Message& message, const std::string& name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  check(field, "{} has no field \"{}\"", message.GetDescriptor()->name(), name);
  return field;
}

// The message in a field, made if it is not there. "[i]" after the name: the i-th.
Message& enter(Message& message, const std::string& segment) {
  const size_t bracket = segment.find('[');
  const FieldDescriptor* field = field_of(message, segment.substr(0, bracket));
  const auto& reflection = *message.GetReflection();
  if (bracket == std::string::npos) return *reflection.MutableMessage(&message, field);
  const int index = std::atoi(segment.c_str() + bracket + 1);
  while (reflection.FieldSize(message, field) <= index) reflection.AddMessage(&message, field);
  return *reflection.MutableRepeatedMessage(&message, field, index);
}

Slot slot_at(Message& root, const std::string& path) {
  Message* message = &root;
  size_t begin = 0;
  for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', begin)) {
    message = &enter(*message, path.substr(begin, dot - begin));
    begin = dot + 1;
  }
  return {*message, *field_of(*message, path.substr(begin))};
}

// Swaps, so that a blob's numbers are not copied.
void move_message(const Slot& from, int index, const Slot& to) {
  const auto held = [](const Slot& slot, int i) -> Message& {
    const auto& reflection = *slot.message.GetReflection();
    return i < 0 ? *reflection.MutableMessage(&slot.message, &slot.field)
                 : *reflection.MutableRepeatedMessage(&slot.message, &slot.field, i);
  };
  if (to.repeated()) to.message.GetReflection()->AddMessage(&to.message, &to.field);
  Message& made = held(to, to.repeated() ? to.size() - 1 : -1);
  made.GetReflection()->Swap(&held(from, index), &made);
}

struct NoReport final : google::protobuf::io::ErrorCollector {
  void AddError(int, int, const std::string&) override {}
};

// Converts by way of text, which works for every pair of types: float, int32 to uint32, an enum to another with the
// same names.
bool move_scalar(const Slot& from, int index, const Slot& to, std::string& text) {
  TextFormat::PrintFieldValueToString(from.message, &from.field, index, &text);
  NoReport quiet;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&quiet);
  return parser.ParseFieldValueFromString(text, &to.field, &to.message);
}

// `index` is -1 where the field is not repeated.
void move_value(const Slot& slot, int index, const Located& from, const std::string& path, const Located& to,
                const std::string& place) {
  const Slot target = slot_at(to.message, place);
  check(!target.filled() || path != place, "{}: {} is given twice", from.source.at(path), path);
  check(!target.filled(), "{}: {} and {} mean the same and are both set", from.source.at(path), path, place);
  const int before = target.size();
  std::string text;
  if (slot.is_message()) {
    move_message(slot, index, target);
  } else if (!move_scalar(slot, index, target, text)) {
    throw Error("{}: {} cannot be {}", from.source.at(path), place, shortened(text));
  }
  from.source.move(path, to.source, target.repeated() ? fmt::format("{}[{}]", place, before) : place);
}

// Whether all messages on the way to the last field of a path exist.
bool leads_somewhere(const Message& root, const std::string& path) {
  const size_t dot = path.find('.');
  const FieldDescriptor* field = field_of(root, path.substr(0, dot));
  if (field->is_repeated() || dot == std::string::npos) return true;
  const auto& reflection = *root.GetReflection();
  return reflection.HasField(root, field) && leads_somewhere(reflection.GetMessage(root, field), path.substr(dot + 1));
}

}  // namespace

bool move_field(const Located& from, const std::string& path, const Located& to, const std::string& place) {
  if (!leads_somewhere(from.message, path)) return false;
  const Slot slot = slot_at(from.message, path);
  const int count = slot.size();
  for (int i = 0; i < count; ++i) {
    if (slot.repeated()) {
      move_value(slot, i, from, fmt::format("{}[{}]", path, i), to, fmt::format(fmt::runtime(place), i));
    } else {
      move_value(slot, -1, from, path, to, place);
    }
  }
  slot.message.GetReflection()->ClearField(&slot.message, &slot.field);
  return count > 0;
}

}  // namespace crema

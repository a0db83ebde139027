#include "config/prototxt_value.h"

#include <google/protobuf/io/strtod.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <limits>
#include <vector>

#include "config/suggest.h"

namespace crema {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::io::SafeDoubleToFloat;
using Tokenizer = Tokens::Tokenizer;

// Numbers are tokens without their sign.
struct Signed {
  bool negative;
  Position position;  // of the sign, if there is one
};

Signed take_sign(Tokens& tokens) {
  const Position position = tokens.position();
  return {tokens.take("-"), position};
}

[[noreturn]] void refuse(const Tokens& tokens, const FieldDescriptor& field, const Signed& sign,
                         const std::string& wanted) {
  const std::string found = sign.negative ? in_quotes("-" + tokens.text()) : tokens.shown();
  tokens.fail(sign.position, "field \"{}\" takes {}, not {}", field.name(), wanted, found);
}

template <typename Integer>
Integer parse_integer(Tokens& tokens, const FieldDescriptor& field) {
  using Limits = std::numeric_limits<Integer>;
  const Signed sign = take_sign(tokens);
  if (!tokens.is(Tokenizer::TYPE_INTEGER)) refuse(tokens, field, sign, "a whole number");
  uint64_t size = 0;
  const uint64_t largest = static_cast<uint64_t>(Limits::max()) + (sign.negative ? 1 : 0);
  const bool may_have_sign = Limits::is_signed || !sign.negative;
  if (!may_have_sign || !Tokenizer::ParseInteger(tokens.text(), largest, &size)) {
    refuse(tokens, field, sign, fmt::format("a whole number from {} to {}", Limits::min(), Limits::max()));
  }
  tokens.next();
  return static_cast<Integer>(sign.negative ? 0 - size : size);
}

// A whole number in a floating-point field is decimal. One beyond 64 bits is read as a floating-point number.
double parse_double(Tokens& tokens, const FieldDescriptor& field) {
  const Signed sign = take_sign(tokens);
  const std::string& text = tokens.text();
  double size = 0;
  if (tokens.is(Tokenizer::TYPE_INTEGER)) {
    const bool decimal = text.size() < 2 || text[0] != '0';
    if (!decimal) refuse(tokens, field, sign, "a decimal number");
    uint64_t whole = 0;
    const bool fits = Tokenizer::ParseInteger(text, std::numeric_limits<uint64_t>::max(), &whole);
    size = fits ? static_cast<double>(whole) : Tokenizer::ParseFloat(text);
  } else if (tokens.is(Tokenizer::TYPE_FLOAT)) {
    size = Tokenizer::ParseFloat(text);
  } else {
    std::string lower(text.substr(0, 10));
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    if (lower == "inf" || lower == "infinity") {
      size = std::numeric_limits<double>::infinity();
    } else if (lower == "nan") {
      size = std::numeric_limits<double>::quiet_NaN();
    } else {
      refuse(tokens, field, sign, "a number");
    }
  }
  tokens.next();
  return sign.negative ? -size : size;
}

// Adjacent strings are joined into one.
std::string parse_string(Tokens& tokens, const FieldDescriptor& field) {
  if (!tokens.is(Tokenizer::TYPE_STRING)) {
    refuse(tokens, field, {false, tokens.position()}, "a string in quotes");
  }
  std::string value;
  while (tokens.is(Tokenizer::TYPE_STRING)) {
    Tokenizer::ParseStringAppend(tokens.text(), &value);
    tokens.next();
  }
  return value;
}

bool parse_bool(Tokens& tokens, const FieldDescriptor& field) {
  const std::string text = tokens.text();
  uint64_t number = 0;
  const bool is_number = tokens.is(Tokenizer::TYPE_INTEGER) && Tokenizer::ParseInteger(text, 1, &number);
  const bool yes = number == 1 || text == "true" || text == "True" || text == "t";
  const bool no = (is_number && number == 0) || text == "false" || text == "False" || text == "f";
  if (!yes && !no) refuse(tokens, field, {false, tokens.position()}, "true or false");
  tokens.next();
  return yes;
}

// "MAX, AVE or STOCHASTIC"
std::string listed(const std::vector<std::string>& names) {
  std::string list;
  for (size_t i = 0; i < names.size(); ++i) {
    list += (i == 0 ? "" : i + 1 < names.size() ? ", " : " or ") + names[i];
  }
  return list;
}

[[noreturn]] void refuse_enum(const Tokens& tokens, const FieldDescriptor& field, const Signed& sign) {
  constexpr size_t kFew = 8;
  const EnumDescriptor& type = *field.enum_type();
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
  const std::string found = sign.negative ? in_quotes("-" + tokens.text()) : tokens.shown();
  if (tokens.is(Tokenizer::TYPE_STRING)) {
    tokens.fail(sign.position, "field \"{}\" takes a name without quotes{}, not {}", field.name(),
                names.size() <= kFew ? ": " + listed(names) : "", found);
  }
  const std::string near = suggestion(tokens.text(), names);
  if (names.size() > kFew) tokens.fail(sign.position, "field \"{}\" has no value {}{}", field.name(), found, near);
  tokens.fail(sign.position, "field \"{}\" takes {}, not {}{}", field.name(), listed(names), found, near);
}

const EnumValueDescriptor& parse_enum(Tokens& tokens, const FieldDescriptor& field) {
  const Signed sign = take_sign(tokens);
  const EnumValueDescriptor* value = nullptr;
  uint64_t number = 0;
  if (tokens.is(Tokenizer::TYPE_IDENTIFIER) && !sign.negative) {
    value = field.enum_type()->FindValueByName(tokens.text());
  } else if (tokens.is(Tokenizer::TYPE_INTEGER) &&
             Tokenizer::ParseInteger(tokens.text(), std::numeric_limits<int32_t>::max(), &number)) {
    value = field.enum_type()->FindValueByNumber(static_cast<int>(sign.negative ? 0 - number : number));
  }
  if (!value) refuse_enum(tokens, field, sign);
  tokens.next();
  return *value;
}

}  // namespace

void parse_value(Tokens& tokens, Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  const auto put = [&](auto set, auto add, const auto& value) {
    (reflection.*(field.is_repeated() ? add : set))(&message, &field, value);
  };
  using R = google::protobuf::Reflection;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return put(&R::SetInt32, &R::AddInt32, parse_integer<int32_t>(tokens, field));
    case FieldDescriptor::CPPTYPE_INT64:
      return put(&R::SetInt64, &R::AddInt64, parse_integer<int64_t>(tokens, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return put(&R::SetUInt32, &R::AddUInt32, parse_integer<uint32_t>(tokens, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return put(&R::SetUInt64, &R::AddUInt64, parse_integer<uint64_t>(tokens, field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return put(&R::SetFloat, &R::AddFloat, SafeDoubleToFloat(parse_double(tokens, field)));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return put(&R::SetDouble, &R::AddDouble, parse_double(tokens, field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return put(&R::SetBool, &R::AddBool, parse_bool(tokens, field));
    case FieldDescriptor::CPPTYPE_STRING:
      return put(&R::SetString, &R::AddString, parse_string(tokens, field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return put(&R::SetEnum, &R::AddEnum, &parse_enum(tokens, field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      throw Error("field \"{}\" is a message, not a value", field.name());
  }
}

}  // namespace crema

#include "config/override.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>

#include "base/error.h"
#include "config/prototxt.h"
#include "config/suggest.h"

namespace crema {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// "layer[conv1]"
struct Segment {
  std::string name;
  std::optional<std::string> element;
};

bool is_message(const FieldDescriptor& field) { return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE; }

// The value of one field as the text format has it: strings get the quotes that a user leaves out.
std::string literal(const FieldDescriptor& field, const std::string& value) {
  const bool is_quoted = value.starts_with('"') || value.starts_with('\'');
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING || is_quoted) return value;
  std::string text = "\"";
  for (const char c : value) {
    const bool plain = c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20;
    text += plain ? std::string(1, c) : fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  }
  return text + '"';
}

std::string list_literal(const FieldDescriptor& field, const std::string& values) {
  if (values.empty()) return "[]";
  std::vector<std::string> literals;
  for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = values.find(',', begin);
    literals.push_back(literal(field, values.substr(begin, end == std::string::npos ? end : end - begin)));
  }
  return fmt::format("[{}]", fmt::join(literals, ", "));
}

class Setting {
 public:
  explicit Setting(const std::string& setting) : flag_("--set " + shortened(setting)) { parse(setting); }

  const std::string& first() const { return path_[0].name; }

  // Whether something was set. Nothing is set if a list has no element of the given name.
  bool apply(Message& message, Source& source) { return enter(message, source, "", 0); }

  // Why apply() set nothing.
  [[noreturn]] void refuse_missing(const std::vector<std::string>& names) const {
    fail("no {} is named {}{}", missing_list_, in_quotes(missing_), suggestion(missing_, names));
  }
  [[noreturn]] void refuse_missing() const { refuse_missing(present_); }

  // Throws the prototxt parser's error for a field that `message` does not have.
  void refuse_field(const Message& message, const std::string& name) const { parsed(message, name + ": 0"); }

 private:
  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error("{}: {}", flag_, fmt::format(format, std::forward<Args>(args)...));
  }

  void parse(const std::string& setting) {
    size_t at = 0;
    for (;; ++at) {
      const size_t begin = at;
      at = std::min(setting.find_first_of("=.[", at), setting.size());
      Segment segment{setting.substr(begin, at - begin), {}};
      if (at < setting.size() && setting[at] == '[') {
        const size_t close = setting.find(']', at);
        if (close == std::string::npos) fail("\"[\" is not closed");
        segment.element = setting.substr(at + 1, close - at - 1);
        at = close + 1;
      }
      check_name(segment.name);
      path_.push_back(std::move(segment));
      if (at >= setting.size() || setting[at] == '=') break;
      if (setting[at] != '.') fail("expected \".\" or \"=\" after \"]\"");
    }
    if (at >= setting.size()) fail("expected KEY=VALUE");
    value_ = setting.substr(at + 1);
  }

  void check_name(const std::string& name) const {
    const bool fits = !name.empty() && std::all_of(name.begin(), name.end(),
                                                   [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    if (!fits) fail("expected a field name, found {}", in_quotes(name));
  }

  const FieldDescriptor& field_of(const Message& message, const std::string& name) const {
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
    if (!field) refuse_field(message, name);
    return *field;
  }

  // `prefix` leads from the source's message to this one: "" or "layer[3].".
  bool enter(Message& message, Source& source, const std::string& prefix, size_t depth) {
    const Segment& segment = path_[depth];
    const FieldDescriptor& field = field_of(message, segment.name);
    const auto& reflection = *message.GetReflection();
    const std::string path = prefix + segment.name;
    if (segment.element && !field.is_repeated()) fail("\"{}\" is no list", segment.name);
    const bool last = depth + 1 == path_.size();
    if (!last && !is_message(field)) fail("\"{}\" is a value: there are no fields in it", segment.name);
    if (last && !segment.element) {
      set_all(message, field);
      source.set_anew(path, {0, 0, flag_});
      return true;
    }
    if (!field.is_repeated()) return enter(*reflection.MutableMessage(&message, &field), source, path + ".", depth + 1);
    if (!segment.element) fail("\"{0}\" is a list: say which element, as {0}[0]", segment.name);
    bool done = false;
    for (const int i : elements(message, field, *segment.element)) {
      const std::string one = fmt::format("{}[{}]", path, i);
      if (last) {
        set_one(message, field, i);
        source.set_anew(one, {0, 0, flag_});
        done = true;
        continue;
      }
      if (i == reflection.FieldSize(message, &field)) reflection.AddMessage(&message, &field);
      done = enter(*reflection.MutableRepeatedMessage(&message, &field, i), source, one + ".", depth + 1) || done;
    }
    return done;
  }

  // The elements that "[...]" stands for.
  std::vector<int> elements(const Message& message, const FieldDescriptor& field, const std::string& element) {
    const auto& reflection = *message.GetReflection();
    const int size = reflection.FieldSize(message, &field);
    const FieldDescriptor* name = is_message(field) ? field.message_type()->FindFieldByName("name") : nullptr;
    const bool is_index =
        !element.empty() && element.size() < 9 &&
        std::all_of(element.begin(), element.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    if (is_index) {
      const bool may_grow = field.name() != "layer" && field.name() != "layers";
      const int index = std::stoi(element);
      if (index >= size + (may_grow ? 1 : 0)) {
        fail("\"{}\" has {} element{}; there is no element {}", field.name(), size, size == 1 ? "" : "s", index);
      }
      return {index};
    }
    if (!name) fail("\"{}\" takes an index from 0, not {}", field.name(), in_quotes(element));
    std::vector<int> found;
    for (int i = 0; i < size; ++i) {
      const Message& one = reflection.GetRepeatedMessage(message, &field, i);
      const std::string own = one.GetReflection()->GetString(one, name);
      if (own == element) found.push_back(i);
      present_.push_back(own);
    }
    if (found.empty()) {
      missing_ = element;
      missing_list_ = field.name();
    }
    return found;
  }

  void set_all(Message& message, const FieldDescriptor& field) const {
    std::string text = value_;
    if (is_message(field)) {
      const bool in_braces = value_.starts_with('{') || (field.is_repeated() && value_.starts_with('['));
      if (!in_braces) fail("\"{}\" holds fields: name one of them, or give all in braces", field.name());
    } else if (field.is_repeated()) {
      if (!value_.starts_with('[')) text = list_literal(field, value_);
    } else {
      text = one_value(field);
    }
    const auto scratch = parsed(message, fmt::format("{}: {}", field.name(), text));
    expect_alone(*scratch, field);
    message.GetReflection()->SwapFields(&message, scratch.get(), {&field});
  }

  void set_one(Message& message, const FieldDescriptor& field, int index) const {
    const auto& reflection = *message.GetReflection();
    const auto scratch = parsed(message, fmt::format("{}: {}", field.name(), one_value(field)));
    expect_alone(*scratch, field);
    if (reflection.FieldSize(*scratch, &field) != 1) fail("an element takes one value, not {}", in_quotes(value_));
    const int end = reflection.FieldSize(message, &field);
    message.MergeFrom(*scratch);
    if (index == end) return;
    reflection.SwapElements(&message, &field, index, end);
    reflection.RemoveLast(&message, &field);
  }

  std::string one_value(const FieldDescriptor& field) const {
    const bool may_be_empty = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    if (value_.empty() && !may_be_empty) fail("there is no value after \"=\"");
    return literal(field, value_);
  }

  // A value must not set other fields.
  void expect_alone(const Message& scratch, const FieldDescriptor& field) const {
    std::vector<const FieldDescriptor*> set;
    scratch.GetReflection()->ListFields(scratch, &set);
    for (const FieldDescriptor* other : set) {
      if (other != &field) fail("the value goes on with field \"{}\"; set each with a flag of its own", other->name());
    }
  }

  // A message of `like`'s type, with the fields of `text`. The parser's errors name a line, which a flag does not have.
  std::unique_ptr<Message> parsed(const Message& like, const std::string& text) const {
    std::unique_ptr<Message> scratch(like.New());
    try {
      parse_prototxt(text, flag_, *scratch);
    } catch (const Error& error) {
      const std::string_view whole = error.what();
      const size_t place = whole.find_first_not_of(":0123456789", flag_.size());
      fail("{}", whole.starts_with(flag_ + ":") && place != std::string_view::npos ? whole.substr(place + 1) : whole);
    }
    return scratch;
  }

  std::string flag_, value_;
  std::vector<Segment> path_;
  std::string missing_, missing_list_;
  std::vector<std::string> present_;
};

std::vector<std::string> field_names(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

// The layers' places as those of a whole net, from which upgrade() takes them.
Source joined(NetConfig& config) {
  Source source = std::move(config.source);
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const std::string layer = fmt::format("layer[{}]", i);
    source.set(layer, config.layers[i].position);
    for (const auto& [field, where] : config.layers[i].fields) source.set(fmt::format("{}.{}", layer, field), where);
  }
  return source;
}

}  // namespace

void override_solver(SolverConfig& config, const std::string& text) {
  Setting setting(text);
  const std::string& name = setting.first();
  const Descriptor &solver = *SolverParameter::descriptor(), &net = *NetParameter::descriptor();
  if (!solver.FindFieldByName(name)) {
    if (net.FindFieldByName(name)) return config.net_settings.push_back(text);
    const bool meant_for_net = nearest(name, field_names(solver)).empty() && !nearest(name, field_names(net)).empty();
    if (meant_for_net) setting.refuse_field(NetParameter(), name);
  }
  if (!setting.apply(config.solver, config.source)) setting.refuse_missing();
}

NetConfig NetOverrides::apply(NetConfig config) {
  if (settings_.empty()) return config;
  Source source = joined(config);
  for (const LayerParameter& layer : config.net.layer()) layers_.push_back(layer.name());
  for (const std::string& text : settings_) {
    if (Setting(text).apply(config.net, source)) used_.insert(text);
  }
  return upgrade(std::move(config.net), std::move(source));  // a setting may use an old format, too
}

void NetOverrides::check_all_used() const {
  for (const std::string& text : settings_) {
    if (used_.contains(text)) continue;
    Setting setting(text);
    NetParameter none;
    Source nowhere;
    if (!setting.apply(none, nowhere)) setting.refuse_missing(layers_);
  }
}

NetConfig override_net(NetConfig config, const std::vector<std::string>& settings) {
  NetOverrides overrides(settings);
  NetConfig set = overrides.apply(std::move(config));
  overrides.check_all_used();
  return set;
}

}  // namespace crema

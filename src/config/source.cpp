#include "config/source.h"

#include <fmt/format.h>

#include "base/error.h"

namespace crema {
namespace {

// The first of several values stands under the name alone: "param[0].lr_mult" is kept as "param.lr_mult".
std::string key_of(std::string_view path) {
  std::string key(path);
  for (size_t i = key.find("[0]"); i != std::string::npos; i = key.find("[0]", i)) key.erase(i, 3);
  return key;
}

std::string name_of(const std::string& file) { return file.empty() ? "(no file)" : file; }

}  // namespace

std::string Source::at() const {
  if (!position.flag.empty()) return position.flag;
  return position.line > 0 ? fmt::format("{}:{}", name_of(file), position.line) : name_of(file);
}

std::string Source::at(std::string_view field) const {
  const Position found = find(field);
  if (!found.flag.empty()) return found.flag;
  return found.line > 0 ? fmt::format("{}:{}:{}", name_of(file), found.line, found.column) : at();
}

std::string Source::line_of(std::string_view field) const {
  const Position found = find(field);
  if (!found.flag.empty()) return found.flag;
  return found.line > 0 ? fmt::format("{}:{}", name_of(file), found.line) : at();
}

Position Source::find(std::string_view field) const {
  for (std::string key = key_of(field); !key.empty();) {
    if (const auto found = fields.find(key); found != fields.end()) return found->second;
    const size_t cut = key.find_last_of(".[");
    key.resize(cut == std::string::npos ? 0 : cut);
  }
  return {};
}

void Source::set(std::string_view field, Position where) {
  if (where.known()) fields[key_of(field)] = where;
}

void Source::set_anew(std::string_view field, const Position& where) {
  const std::string key = key_of(field);
  const bool is_element = field.ends_with(']');  // other elements of the list keep their positions
  for (auto i = fields.lower_bound(key); i != fields.end() && i->first.starts_with(key);) {
    const char next = i->first.size() > key.size() ? i->first[key.size()] : '.';
    i = next == '.' || (next == '[' && !is_element) ? fields.erase(i) : std::next(i);
  }
  set(field, where);
}

Source Source::take(std::string_view field) {
  Source taken{file, find(field), {}};
  const std::string key = key_of(field), inside = key + ".";
  fields.erase(key);
  for (auto i = fields.lower_bound(inside); i != fields.end() && i->first.starts_with(inside);) {
    taken.fields.emplace(i->first.substr(inside.size()), i->second);
    i = fields.erase(i);
  }
  return taken;
}

void Source::move(std::string_view field, Source& to, std::string_view path) {
  if (const auto own = fields.find(key_of(field)); own != fields.end()) to.set(path, own->second);
  for (const auto& [inner, where] : take(field).fields) to.set(fmt::format("{}.{}", path, inner), where);
}

std::string shortened(std::string_view text) {
  constexpr size_t kLongest = 60;
  if (text.size() <= kLongest) return printable(text);
  size_t end = kLongest;
  while (end > kLongest - 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // no part of a character
  return printable(text.substr(0, end)) + "...";
}

std::string in_quotes(std::string_view text) { return '"' + shortened(text) + '"'; }

}  // namespace crema

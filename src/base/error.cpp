#include "base/error.h"

#include <algorithm>

namespace crema {
namespace {

// Ends a line, or turns the direction of the text: U+2028, U+2029, U+200E, U+200F, U+202A to E, U+2066 to 9.
bool steers(std::string_view character) {
  if (!character.starts_with("\xe2\x80") && !character.starts_with("\xe2\x81")) return false;
  const auto last = static_cast<unsigned char>(character[2]);
  if (character[1] == '\x81') return last >= 0xa6 && last <= 0xa9;
  return last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae);
}

// The length of the UTF-8 character that `text` begins with; 0 if it begins with no such character, or with one that
// controls the terminal.
size_t character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first < 0x20 || first == 0x7f ? 0 : 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool controls = (first == 0xc2 && byte(1) < 0xa0) || (length == 3 && steers(text.substr(0, length)));
  return controls ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const size_t length = character(text);
    if (length == 0) {
      shown += fmt::format("\\x{:02X}", static_cast<unsigned char>(text[0]));
    } else {
      shown += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return shown;
}

}  // namespace crema

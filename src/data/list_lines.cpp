#include "data/list_lines.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"

namespace crema {

std::string read_list(const std::string& path) {
  std::string text = read_file(path);
  check(!text.starts_with("\xff\xfe") && !text.starts_with("\xfe\xff"), "{}: is UTF-16; save it as UTF-8", path);
  check(text.find('\0') == std::string::npos, "{}: holds a NUL character: a list is a text file", path);
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  return text;
}

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\v\f";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

std::vector<ListLine> list_lines(std::string_view text) {
  std::vector<ListLine> lines;
  for (size_t begin = 0, number = 1; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = without_blanks(text.substr(begin, end - begin));
    if (!line.empty()) lines.push_back({line, number});
    begin = end + 1;
  }
  return lines;
}

}  // namespace crema

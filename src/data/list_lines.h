// Lists of files: texts with an entry on each line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace crema {

// The text of the list at `path`, without the byte order mark that some editors put before it. Throws Error if it
// cannot be read, or is UTF-16.
std::string read_list(const std::string& path);

struct ListLine {
  std::string_view text;  // without the blanks around it; never empty
  size_t number;          // from 1
};

// The lines of `text` that are not blank, wherever they end ("\n" or "\r\n").
std::vector<ListLine> list_lines(std::string_view text);

// `text` without the blanks around it.
std::string_view without_blanks(std::string_view text);

}  // namespace crema

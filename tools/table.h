// Text in columns.
#pragma once

#include <string>
#include <vector>

namespace crema {

class Table {
 public:
  // A column for each letter: 'l' stands at the left, 'r' at the right.
  explicit Table(std::string columns) : columns_(std::move(columns)) {}

  // Control characters in a cell are escaped.
  void add(std::vector<std::string> row);
  // All rows, each column as wide as its widest cell, but not more than 80, two spaces between them.
  std::string text() const;

 private:
  std::string columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace crema

#include "study.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"

namespace crema {
namespace {

std::string line(const std::vector<std::string>& cells, const std::vector<size_t>& widths) {
  std::string text = "|";
  for (size_t i = 0; i < cells.size(); ++i) text += fmt::format(" {:<{}} |", cells[i], widths[i]);
  return text + "\n";
}

}  // namespace

std::string markdown(const Table& table) {
  std::vector<size_t> widths(table.head.size(), 3);
  const auto widen = [&](const std::vector<std::string>& cells) {
    check(cells.size() == widths.size(), "a row of {} cells in a table of {} columns", cells.size(), widths.size());
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  };
  widen(table.head);
  for (const auto& row : table.rows) widen(row);
  std::vector<std::string> rule;
  for (const size_t width : widths) rule.emplace_back(width, '-');
  std::string text = line(table.head, widths) + line(rule, widths);
  for (const auto& row : table.rows) text += line(row, widths);
  return text;
}

SolverOptions quiet() {
  SolverOptions options;
  options.snapshots = false;
  options.log_iterations = false;
  return options;
}

void publish(const std::string& name, const Chart& chart, const Table& table) {
  check(std::filesystem::is_directory("studies"),
        "there is no folder studies/ here; run the study from the repository's root");
  const std::string text = markdown(table), figure = fmt::format("studies/{}.svg", name);
  write_chart(figure, chart);
  write_file(fmt::format("studies/{}.md", name), text);
  fmt::print("{}\nFigure: {}\n\n", text, figure);
}

}  // namespace crema

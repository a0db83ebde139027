// What the studies have in common: each makes a figure and a table, from fixed seeds.
#pragma once

#include <string>
#include <vector>

#include "chart.h"
#include "solvers/solver.h"

namespace crema {

struct Table {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
};

// The table in Markdown, its columns as wide as their longest cell.
std::string markdown(const Table& table);

// Writes studies/NAME.svg and studies/NAME.md, seen from the working directory, and prints the table. Throws Error if
// there is no folder studies/.
void publish(const std::string& name, const Chart& chart, const Table& table);

// The options of a training that writes no files.
SolverOptions quiet();

// The studies (README.md in this folder says what each shows).
void quadratic_study();
void depth_study();
void overfitting_study();
void spirals_study();

}  // namespace crema

// Metrics files, which a training writes: one JSON object on each line.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace crema {

// A row of a run. Numbers that are null in the file (not finite) or absent are NaN.
struct MetricsRow {
  double iteration;
  double loss, rate;                                   // rate: of train rows alone
  int net;                                             // of test rows
  std::map<std::string, std::vector<double>> outputs;  // by name, element by element
};

struct RunMetrics {
  std::string name;  // the file's, without folder and ".metrics.jsonl"
  std::vector<MetricsRow> train, test;
};

// Reads a metrics file. A last line that is cut off is left out with a warning, since the run may be writing it. Throws
// Error, with file and line, for any other line that is no row, and if there is no row at all.
RunMetrics read_metrics(const std::string& path);

// The path itself or, for a folder, all *.metrics.jsonl files in it, sorted. Throws Error if a folder has none.
std::vector<std::string> metrics_files(const std::string& path);

}  // namespace crema

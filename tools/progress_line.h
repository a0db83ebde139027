// One line on the terminal that is written over and over while something runs.
#pragma once

#include <chrono>
#include <memory>

#include "solvers/solver.h"

namespace crema {

class ProgressLine {
 public:
  // Log lines written during its lifetime replace the line, which is drawn again below them.
  ProgressLine();
  ~ProgressLine();  // clears the line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Whether there is a terminal to write on, and one that can write over a line (TERM is not "dumb").
  static bool possible();

  // Writes the line, at most ten times a second, and as much of it as fits into the window.
  void show(const Progress& progress);
  // "batch 37/50  0:12 left".
  void show_share(const char* what, int done, int all);

 private:
  using Clock = std::chrono::steady_clock;
  bool is_time();
  std::shared_ptr<class LineEraser> eraser_;
  Clock::time_point start_, shown_;
  int start_iteration_ = -1;
  double start_seconds_ = 0;
};

}  // namespace crema

// One line on the terminal that is written over and over while a training runs.
#pragma once

#include <chrono>
#include <memory>

#include "solvers/solver.h"

namespace crema {

class ProgressLine {
 public:
  // Log lines written while it lives take the line's place; it comes again below them.
  ProgressLine();
  ~ProgressLine();  // clears the line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Whether there is a terminal to write on.
  static bool possible();

  // Writes the line, at most ten times a second.
  void show(const Progress& progress);

 private:
  using Clock = std::chrono::steady_clock;
  std::shared_ptr<class LineEraser> eraser_;
  Clock::time_point start_, shown_;
  int start_iteration_ = -1;
  double start_seconds_ = 0;
};

}  // namespace crema

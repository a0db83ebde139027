// Ranges and ticks of a chart's axes.
#pragma once

#include <string>
#include <vector>

#include "chart.h"

namespace crema {

// A tick's label: 10 with 3 as `raised` is 10^3.
struct TickLabel {
  std::string text, raised{};
};

struct Tick {
  double value;
  TickLabel label;
};

// An axis from min to max.
class Scale {
 public:
  // A range that holds all values which the axis can show, or the range that the axis itself gives. Throws Error for a
  // range that makes no sense; `name` says whose it is ("x axis of \"loss\"").
  Scale(const Axis& axis, const std::vector<double>& values, const std::string& name);

  // Whether a value has a place on the axis, inside the range or not. Values beyond 1e300 have none.
  bool shows(double value) const;
  // The place of a value that is shown: 0 at the axis' beginning, 1 at its end.
  double place(double value) const;
  // About `wanted` ticks at round numbers, rising, all inside the range.
  std::vector<Tick> ticks(int wanted) const;

  double min() const { return min_; }
  double max() const { return max_; }
  bool log() const { return log_; }
  // Makes the range of a linear axis `factor` times as long around its middle.
  void widen(double factor);

 private:
  std::vector<Tick> linear_ticks(int wanted) const;
  std::vector<Tick> log_ticks(int wanted) const;

  bool log_;
  double min_, max_;
};

}  // namespace crema

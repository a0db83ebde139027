// How the series of a panel look: the dashes of their lines, and the crosses for values that have no place.
#pragma once

#include <string>
#include <vector>

#include "chart.h"

namespace crema {

Colour colour_of(const Panel& panel, const Series& series);
// Lengths of dashes and gaps in turn; none for a solid line.
std::vector<double> dashes_of(const Panel& panel, const Series& series);

// Whether at least a third of line b lies on line a. Both go from left to right, in pixels.
bool coincide(const std::vector<ChartPoint>& a, const std::vector<ChartPoint>& b);
// The dashes of the i-th of n lines that lie on each other, drawn from the first on: each leaves gaps for those below.
std::vector<double> in_turn(const std::vector<double>& dashes, size_t i, size_t n);

// The crosses of a series in one strip.
struct Marks {
  const Series* series;
  bool above;
  size_t row;  // of the strip, counted from the area
  std::vector<double> x{};
  std::string what{};
};

std::vector<Marks> marks(const Panel& panel);

inline constexpr double kCrossRow = 10;  // the height of a row of crosses
// The height of the rows of crosses above or below a panel; 0 if there are none.
double strip_height(const std::vector<Marks>& marks, bool above);

}  // namespace crema

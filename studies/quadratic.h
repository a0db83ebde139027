// Update rules on a quadratic function of two numbers, J(w) = w' A w / 2, with A's eigenvalues 1 and 50 along axes that
// are turned by 30 degrees. Its minimum is at (0, 0).
#pragma once

#include <string>
#include <vector>

#include "chart.h"

namespace crema {

using Point = ChartPoint;

Point gradient(Point w);
// w - A^-1 grad J(w): where Newton's method goes from w.
Point newton_step(Point w);
double distance(Point a, Point b = {0, 0});

inline constexpr Point kStart = {-2, 1.2};

// The path of crema's own rule from kStart: `steps` + 1 points, including the start. `rule` is a solver's text, such as
// "type: 'Momentum' momentum: 0.9".
std::vector<Point> descend(const std::string& rule, double rate, int steps);

// The rate of 10^-4, 10^-3.9 ... 10^1 that brings the rule nearest to the minimum in so many steps: by the mean of the
// distance's logarithm over the last quarter of them.
double best_rate(const std::string& rule, int steps);

}  // namespace crema

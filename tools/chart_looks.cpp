#include "chart_looks.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace crema {
namespace {

constexpr size_t kCrossRows = 4;  // in a strip; further series share these rows

// For a value without a place on the y axis: the strip in which it is marked, and its text in the legend.
struct Misfit {
  bool above;
  std::string what;
};

std::optional<Misfit> misfit(const Axis& y, const Series& series, double value) {
  if (std::isnan(value)) return Misfit{true, "NaN"};
  if (std::isinf(value)) return value > 0 ? Misfit{true, "infinite"} : Misfit{false, "-infinite"};
  if (y.log && value <= 0) return Misfit{false, "zero or less"};
  if (series.name.empty()) return std::nullopt;
  if (y.max && value > *y.max) return Misfit{true, fmt::format("above {:g}", *y.max)};
  if (y.min && value < *y.min) return Misfit{false, fmt::format("below {:g}", *y.min)};
  return std::nullopt;
}

// The height of a line that goes from left to right, at an x between its ends.
double height(const std::vector<ChartPoint>& line, double x) {
  auto end = std::lower_bound(line.begin(), line.end(), x, [](ChartPoint p, double at) { return p.x < at; });
  if (end == line.begin()) ++end;
  const ChartPoint from = end[-1], to = *end;
  return to.x > from.x ? from.y + (x - from.x) / (to.x - from.x) * (to.y - from.y) : to.y;
}

}  // namespace

Colour colour_of(const Panel& panel, const Series& series) {
  return series.colour.value_or(palette(static_cast<size_t>(&series - panel.series.data())));
}

// Solid series get long dashes from the second round of colours on. Each further round adds a dot.
std::vector<double> dashes_of(const Panel& panel, const Series& series) {
  const auto place = static_cast<size_t>(&series - panel.series.data());
  const size_t round = series.round.value_or(series.colour ? 0 : place / kPaletteSize);
  if (round == 0 && !series.dashed) return {};
  std::vector<double> dashes{series.dashed ? 6.0 : 14.0, 4};
  for (size_t i = series.dashed ? 0 : 1; i < round; ++i) dashes.insert(dashes.end(), {2, 4});
  return dashes;
}

std::vector<Marks> marks(const Panel& panel) {
  std::vector<Marks> all;
  size_t rows[2] = {0, 0};
  for (const Series& series : panel.series) {
    for (const bool above : {true, false}) {
      Marks found{&series, above, rows[above] % kCrossRows};
      std::set<std::string> kinds;
      for (const ChartPoint& point : series.points) {
        const auto kind = misfit(panel.y, series, point.y);
        if (!kind || kind->above != above) continue;
        found.x.push_back(point.x);
        kinds.insert(kind->what);
      }
      if (kinds.empty()) continue;
      found.what = fmt::format("{}{}{}", series.name, series.name.empty() ? "" : ": ", fmt::join(kinds, " or "));
      ++rows[above];
      all.push_back(std::move(found));
    }
  }
  return all;
}

double strip_height(const std::vector<Marks>& marks, bool above) {
  size_t rows = 0;
  for (const Marks& m : marks) rows = m.above == above ? std::max(rows, m.row + 1) : rows;
  return rows == 0 ? 0 : static_cast<double>(rows) * kCrossRow + 4;
}

bool coincide(const std::vector<ChartPoint>& a, const std::vector<ChartPoint>& b) {
  constexpr int kSamples = 60;
  constexpr double kNear = 2;
  if (a.size() < 2 || b.size() < 2) return false;
  const double first = b.front().x, length = b.back().x - first;
  int near = 0;
  for (int i = 0; i < kSamples; ++i) {
    const double x = first + (i + 0.5) / kSamples * length;
    if (x >= a.front().x && x <= a.back().x && std::abs(height(a, x) - height(b, x)) < kNear) ++near;
  }
  return 3 * near >= kSamples;
}

std::vector<double> in_turn(const std::vector<double>& dashes, size_t i, size_t n) {
  if (n == 1) return dashes;
  const auto share = static_cast<double>(n - i), rest = static_cast<double>(i);
  if (dashes.empty()) return i == 0 ? dashes : std::vector<double>{14 * share, 10 * rest};
  std::vector<double> result;
  for (size_t k = i; k < n; ++k) result.insert(result.end(), dashes.begin(), dashes.end());
  result.back() += rest * std::accumulate(dashes.begin(), dashes.end(), 0.0);
  return result;
}

}  // namespace crema

#include "chart_looks.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace crema {
namespace {

constexpr size_t kCrossRows = 4;  // of a strip; series beyond share them

// The strip that a value without a place on the y axis is marked in, and what the legend says of it.
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

}  // namespace

Colour colour_of(const Panel& panel, const Series& series) {
  return series.colour.value_or(palette(static_cast<size_t>(&series - panel.series.data())));
}

// Longer dashes for lines than for those that are dashed in the first round, too, and a dot more each round.
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
  constexpr size_t kSamples = 64;
  constexpr double kNear = 2;
  if (a.size() < 2 || b.size() < 2) return false;
  const size_t step = b.size() / kSamples + 1;
  size_t seen = 0, near = 0;
  for (size_t i = 0; i < b.size(); i += step) {
    ++seen;
    const auto right = std::lower_bound(a.begin(), a.end(), b[i].x, [](ChartPoint p, double x) { return p.x < x; });
    if (right == a.end() || (right == a.begin() && b[i].x < right->x)) continue;
    const ChartPoint end = *right, begin = right == a.begin() ? end : right[-1];
    const double share = end.x > begin.x ? (b[i].x - begin.x) / (end.x - begin.x) : 1;
    if (std::abs(begin.y + share * (end.y - begin.y) - b[i].y) < kNear) ++near;
  }
  return 3 * near >= seen;
}

std::vector<double> in_turn(const std::vector<double>& dashes, size_t i, size_t n) {
  if (n == 1) return dashes;
  const auto share = static_cast<double>(n - i), rest = static_cast<double>(i), all = static_cast<double>(n);
  if (dashes.empty()) return i == 0 ? dashes : std::vector<double>{6 * share, 6 * rest};
  std::vector<double> result;
  for (size_t k = 0; k + 1 < dashes.size(); k += 2) {
    result.insert(result.end(), {dashes[k] * share, dashes[k + 1] * all + dashes[k] * rest});
  }
  return result;
}

}  // namespace crema

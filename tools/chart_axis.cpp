#include "chart_axis.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace crema {
namespace {

// Beyond these limits, differences and quotients of two values may overflow or underflow.
constexpr double kLargest = 1e300, kSmallest = 1e-300;
// Values that differ by less than this, relative to their size, have the same place: tick labels could not distinguish
// them.
constexpr double kSame = 1e-12;
constexpr double kMostTicks = 1000;

double size_of(double a, double b) { return std::max(std::abs(a), std::abs(b)); }

// The smallest of 1, 2, 5, 10, 20, ... times a power of ten that is not below `length`.
double round_step(double length) {
  const double power = std::pow(10, std::floor(std::log10(length)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= length * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

// `value` as a whole number of `step`s, with as many decimals as the step has. Very large and very small numbers have
// an exponent.
std::string number(double value, double step) {
  if (value == 0) return "0";
  const double size = std::max(std::abs(value), step);
  if (size >= 1e6 || step < 1e-4) {
    const int digits = static_cast<int>(std::floor(std::log10(size)) - std::floor(std::log10(step) + 1e-9));
    return fmt::format("{:.{}e}", value, std::max(0, digits));
  }
  return fmt::format("{:.{}f}", value, std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9))));
}

TickLabel power_of_ten(int exponent) {
  if (exponent >= -3 && exponent <= 4) return {fmt::format("{:g}", std::pow(10, exponent))};
  return {"10", fmt::format("{}", exponent)};
}

}  // namespace

Scale::Scale(const Axis& axis, const std::vector<double>& values, const std::string& name) : log_(axis.log) {
  double low = INFINITY, high = -INFINITY;
  for (const double value : values) {
    if (!shows(value)) continue;
    const double seen = std::abs(value) < kSmallest ? 0 : value;  // half of the smallest double is already 0
    low = std::min(low, seen);
    high = std::max(high, seen);
  }
  if (low > high) low = log_ ? 0.1 : 0, high = log_ ? 10 : 1;  // there is nothing to show
  if (high - low <= kSame * size_of(low, high)) {
    const double room = log_ ? 0 : low == 0 && high == 0 ? 1 : size_of(low, high) / 2;
    low = log_ ? low / 3 : low - room;
    high = log_ ? high * 3 : high + room;
  } else {
    const double room = log_ ? 0.02 * (std::log10(high) - std::log10(low)) : 0.02 * (high - low);
    low = log_ ? std::max(kSmallest, low * std::pow(10, -room)) : low - room;
    high = log_ ? high * std::pow(10, room) : high + room;
  }
  min_ = axis.min.value_or(low);
  max_ = axis.max.value_or(high);
  const auto fits = [this](double end) { return std::isfinite(end) && (!log_ || end > 0); };
  check(fits(min_) && fits(max_) && min_ < max_, "{}: a range from {:g} to {:g} makes no {}sense", name, min_, max_,
        log_ ? "logarithmic " : "");
}

bool Scale::shows(double value) const { return std::abs(value) <= kLargest && (!log_ || value >= kSmallest); }

double Scale::place(double value) const {
  if (log_) return (std::log(value) - std::log(min_)) / (std::log(max_) - std::log(min_));
  return (value - min_) / (max_ - min_);
}

void Scale::widen(double factor) {
  const double middle = (min_ + max_) / 2, half = factor * (max_ - min_) / 2;
  min_ = middle - half;
  max_ = middle + half;
}

std::vector<Tick> Scale::ticks(int wanted) const { return log_ ? log_ticks(wanted) : linear_ticks(wanted); }

// Uses a smaller step if the wanted one gives only one tick, since one tick shows no scale.
std::vector<Tick> Scale::linear_ticks(int wanted) const {
  const double step = round_step((max_ - min_) / wanted), slack = 1e-9 * (max_ - min_);
  if (!(step > kSame * size_of(min_, max_))) return {};  // all ticks would have the same label
  const double first = std::ceil((min_ - slack) / step), count = std::floor((max_ + slack) / step) - first + 1;
  if (count < 2 && wanted < 100) return linear_ticks(2 * wanted);
  std::vector<Tick> ticks;
  for (int i = 0; i < std::min(count, kMostTicks); ++i) {
    ticks.push_back({(first + i) * step, {number((first + i) * step, step)}});
  }
  return ticks;
}

// Powers of ten: every k-th of them if there are many; 1, 2 and 5 times them if there are few. If that gives at most
// one tick, round numbers as on a linear axis.
std::vector<Tick> Scale::log_ticks(int wanted) const {
  const int first = static_cast<int>(std::ceil(std::log10(min_) - 1e-9));
  const int last = static_cast<int>(std::floor(std::log10(max_) + 1e-9));
  std::vector<Tick> ticks;
  if (last - first >= 2) {
    int every = 1;
    for (const int k : {1, 2, 3, 5, 10, 20, 50, 100}) {
      every = k;
      if ((last - first) / k < wanted) break;
    }
    int begin = first;
    while (begin % every != 0) ++begin;
    if (begin + every > last) begin = first;  // multiples of `every`, unless that gives only one tick
    for (int e = begin; e <= last; e += every) ticks.push_back({std::pow(10, e), power_of_ten(e)});
    return ticks;
  }
  for (int e = first - 1; e <= last; ++e) {
    for (const int factor : {1, 2, 5}) {
      const double power = std::pow(10, e), value = factor * power;
      if (value >= min_ * (1 - 1e-9) && value <= max_ * (1 + 1e-9)) ticks.push_back({value, {number(value, power)}});
    }
  }
  return ticks.size() >= 2 ? ticks : linear_ticks(wanted);
}

}  // namespace crema

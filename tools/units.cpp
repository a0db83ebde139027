#include "units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"

namespace crema {

std::string grouped(long number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string short_number(double number) {
  if (number < 1e3) return fmt::format("{:.4g}", number);
  constexpr std::array kUnits = {"k", "M", "G", "T", "P", "E"};
  size_t unit = 0;
  for (number /= 1e3; number >= 999.95 && unit + 1 < kUnits.size(); number /= 1e3) ++unit;
  return fmt::format("{:#.4g} {}", number, kUnits[unit]);
}

std::string bytes_text(long count) {
  if (count < 5000) return fmt::format("{} B", count);
  constexpr std::array kUnits = {"MB", "GB", "TB", "PB", "EB"};
  size_t unit = 0;
  auto bytes = static_cast<double>(count);
  for (bytes /= 1e6; bytes >= 999.995 && unit + 1 < kUnits.size(); bytes /= 1e3) ++unit;
  return fmt::format("{:.2f} {}", bytes, kUnits[unit]);
}

std::string time_text(double ms) {
  if (ms < 1e4) return fmt::format("{:.4g} ms", ms);
  if (ms < 59995) return fmt::format("{:.4g} s", ms / 1e3);
  return clock_text(ms / 1e3) + (ms < 3599500 ? " min" : " h");
}

std::string clock_text(double seconds) {
  if (!(seconds < 1e12)) return "for ever";
  const long s = std::lround(seconds);
  return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                  : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return printable(text);
}

std::string error_line(std::string text) {
  constexpr size_t kBegin = 3000, kEnd = 1000;
  if (text.size() > kBegin + kEnd) text.replace(kBegin, text.size() - kBegin - kEnd, " ... ");
  return one_line(std::move(text));
}

}  // namespace crema

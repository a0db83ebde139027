#include "config/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "config/source.h"

namespace crema {
namespace {

bool same_letter(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

// The restricted Damerau-Levenshtein distance, by rows of the usual table.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]);
      if (swapped) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    before.swap(row);
    row.swap(next);
  }
  return row[b.size()];
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  // Longer names are not typed by hand, and among very many names one is near by chance. Tables for them would also
  // take long.
  constexpr size_t kLongest = 100, kMostSteps = 5000000;
  if (name.size() > kLongest || name.size() * name.size() * candidates.size() > kMostSteps) return "";
  const std::string* best = nullptr;
  size_t least = 0;
  for (const std::string& candidate : candidates) {
    const size_t limit = (std::min(name.size(), candidate.size()) + 1) / 3;
    // Names whose lengths differ by more cannot be near.
    if (std::max(name.size(), candidate.size()) - std::min(name.size(), candidate.size()) > limit) continue;
    const size_t slips = distance(name, candidate);
    if (slips > limit || (best && slips >= least)) continue;
    best = &candidate;
    least = slips;
  }
  return best ? *best : "";
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string near = nearest(name, candidates);
  return near.empty() ? "" : fmt::format("; did you mean {}?", in_quotes(near));
}

std::string choices(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr size_t kShown = 100;
  std::string near = suggestion(name, candidates);
  if (!near.empty() || candidates.empty()) return near;
  std::string all;
  for (size_t i = 0; i < std::min(kShown, candidates.size()); ++i)
    all += (i > 0 ? ", " : "") + shortened(candidates[i]);
  if (candidates.size() > kShown) all += fmt::format(" and {} more", candidates.size() - kShown);
  return "; it is one of " + all;
}

}  // namespace crema

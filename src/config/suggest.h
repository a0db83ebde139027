// "Did you mean": the known name that a misspelled one is nearest to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crema {

// The candidate that differs from `name` in the fewest typing slips (a letter added, missing or replaced, or two
// swapped; case is ignored). Of equally near ones it is the first. "" if none is near: at most one slip per three
// letters. "" for names of more than 100 letters, and among more than 2,000.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

// `; did you mean "base_lr"?`, or "" if nothing is near.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

// The same; if nothing is near, it lists the candidates (the first 100): `; it is one of Adam, SGD`.
std::string choices(std::string_view name, const std::vector<std::string>& candidates);

// The keys of a map, as candidates.
template <typename Map>
std::vector<std::string> keys(const Map& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  return names;
}

}  // namespace crema

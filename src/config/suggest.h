// "Did you mean": the known name that a misspelled one is nearest to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crema {

// The candidate that differs from `name` in the fewest typing slips (a letter more, less, other, or two swapped; case
// is free), the first of equals. "" if none is near: at most one slip per three letters.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

// `; did you mean "base_lr"?`, or "" if nothing is near.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace crema

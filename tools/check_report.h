// What crema check prints of a net.
#pragma once

#include <string>
#include <vector>

#include "survey.h"

namespace crema {

// One line for each layer: its tops' shapes, what it learns, its multiply-adds.
std::string layer_table(Survey& survey);

// The sums over the layers, in one line.
std::string totals(Net& net);

// What a run takes. `histories`: arrays of the parameters' size that the solver keeps.
std::string memory_text(const Survey& survey, bool training, int histories);

// The first of many names, and how many more there are.
std::string some_of(const std::vector<std::string>& names);

}  // namespace crema

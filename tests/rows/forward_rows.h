// The parts of forward_rows().
#pragma once

#include "rows/rows.h"

namespace crema {

std::vector<ForwardRow> forward_rows_of_elementwise();
std::vector<ForwardRow> forward_rows_of_filters();
std::vector<ForwardRow> forward_rows_of_losses();

}  // namespace crema

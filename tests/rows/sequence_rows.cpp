// Gradient and forward rows of recurrent layers and attention.
// The numbers are worked out by hand, or by a few lines of Python that know nothing of crema.
#include "rows/row_tables.h"

namespace crema {

std::vector<GradientRow> gradient_rows_of_sequence() { return {}; }

std::vector<ForwardRow> forward_rows_of_sequence() { return {}; }

}  // namespace crema

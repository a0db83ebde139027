// Rows picked from a table, and the sums that are the table's gradient.
#pragma once

#include "math/buffer.h"

namespace crema {

// y[i] = table[picks[i]]: rows of `length` elements.
void gather_rows(const BufferOf<int>& picks, long length, const real* table, real* y);

// sums[r] = beta * sums[r] + the sum of dy[i] over all i with picks[i] = r, for each r < `rows`; beta is 0 or 1. Each
// row is summed in the order of i, whatever the number of threads.
void scatter_rows(const BufferOf<int>& picks, long length, const real* dy, real beta, long rows, real* sums);

}  // namespace crema

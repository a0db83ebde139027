// Normalization of rows, runs of neighbours in memory:  xhat = (x - mean) * inverse,  and its gradient.
//
// A row of x is read from memory once, as long as it fits into the cache. Sums are those of loops.h: precise, and
// independent of the number of threads. Where x and dy are given, dx may be dy.
#pragma once

#include "math/loops.h"

namespace crema {

// What a row is divided by, after its mean was subtracted where `centered`; n: its length.
struct Normalization {
  enum Divisor {
    nothing,
    root_mean_square,   // sqrt(sum of squares / n + eps)
    deviation_and_eps,  // sqrt(sum of squares / n) + eps
    length,             // sqrt(sum of squares + eps)
  };
  bool centered = true;
  Divisor divisor = root_mean_square;
  real eps = 0;

  // 1 / divisor.
  real inverse(double squares, long n) const;
  // The s of  dx = inverse (g - mean(g) - s xhat sum(g xhat))  for the gradient g of xhat; without mean(g) where it is
  // not centered.
  real share(real inverse, long n) const;
};

// The statistics of the rows: each array has one number for each row.
struct RowStatistics {
  real *mean, *inverse;
};

// Where the gradient gets xhat from. `normalized`: `values` is xhat, since forward's y was xhat itself. Otherwise
// `values` is x, and xhat follows from it and the statistics.
struct RowInput {
  const real* values;
  bool normalized;
};

// --- rows of channels: each run of `inner` elements has its own factor and summand -----------------------------------

// (records, groups x channels, inner); a row is a group's channels.
struct Groups {
  long records = 1, groups = 1, channels = 1, inner = 1;

  long rows() const { return records * groups; }
  long length() const { return channels * inner; }
  long all_channels() const { return groups * channels; }
};

// y = w xhat + b;  w and b: one number for each channel, or null. y may be x.
void normalize_groups(const Normalization& norm, const Groups& groups, const real* x, const real* w, const real* b,
                      real* y, const RowStatistics& statistics);

// Writes dx, unless it is null. Writes into `sums`, unless it is null, a pair for each record and channel: the sum of
// dy and the sum of dy xhat.
void normalize_groups_gradient(const Normalization& norm, const Groups& groups, const RowInput& input,
                               const RowStatistics& statistics, const real* w, const real* dy, real* dx, real* sums);

// From these sums:  d[c] = beta d[c] + the records' sums of dy (which = 0) or dy xhat (which = 1).
void add_group_sums(const Groups& groups, const real* sums, int which, real beta, real* d);

// --- rows of n elements: each position has its own factor and summand ------------------------------------------------

// y = w xhat + b;  w and b: n numbers, or null. y may be x.
void normalize_rows(const Normalization& norm, long rows, long n, const real* x, const real* w, const real* b, real* y,
                    const RowStatistics& statistics);

// Numbers that the gradient needs for intermediate sums where w or b learns.
long normalize_rows_scratch(long rows, long n);

// A parameter's diff, null where it does not learn, and its beta.
struct Accumulated {
  real* diff = nullptr;
  real beta = 0;
};

// Writes dx, unless it is null, and the gradients of w and b.
void normalize_rows_gradient(const Normalization& norm, long rows, long n, const RowInput& input,
                             const RowStatistics& statistics, const real* w, const real* dy, real* dx,
                             const Accumulated& dw, const Accumulated& db, real* scratch);

}  // namespace crema

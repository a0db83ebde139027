// Moves elements between arrays without changing them, on all cores.
#pragma once

#include <vector>

#include "math/real.h"

namespace crema {

// Copies `rows` pieces of `length` elements; the strides are the distances between the beginnings of two pieces.
void copy_pieces(long rows, long length, const real* from, long from_stride, real* to, long to_stride);

// Another order of an array's axes.
class Permutation {
 public:
  Permutation() = default;
  // Axis a of the result is axis order[a] of an array of these dims; order holds each axis once.
  Permutation(const std::vector<long>& dims, const std::vector<int>& order);

  // The two don't overlap.
  void run(const real* from, real* to) const;

 private:
  struct Axis {
    long size, from_stride, to_stride;
  };

  // The result is made of matrices of columns_.size x row_.size elements, one for each place on the outer axes. In it a
  // row is contiguous, in the array a column is; or where the last axis stays last, a row, and there is one column.
  std::vector<Axis> outer_;
  Axis columns_ = {1, 0, 0}, row_ = {0, 1, 1};
};

// The permutation that undoes Permutation(dims, order).
Permutation inverse_permutation(const std::vector<long>& dims, const std::vector<int>& order);

}  // namespace crema

// Moves elements between arrays without changing them, on all cores.
#pragma once

#include <vector>

#include "math/layout.h"
#include "math/real.h"

namespace crema {

// Copies `rows` pieces of `length` elements; the strides are the distances between the beginnings of two pieces.
void copy_pieces(long rows, long length, const real* from, long from_stride, real* to, long to_stride);

// The number of contiguous pieces of an array of this layout that can be cut along the axis: the product of all sizes
// outside of the axis.
long pieces_along(const Shape& shape, Layout layout, int axis);

// Another order of an array's axes.
class Permutation {
 public:
  Permutation() = default;
  // Axis a of the result is axis order[a] of an array of these dims; order holds each axis once.
  Permutation(const std::vector<long>& dims, const std::vector<int>& order);

  // From x to y, which do not overlap.
  void run(const real* x, real* y) const;

 private:
  // A loop: how often, and how far a step moves in x and in y.
  struct Axis {
    long size = 1, x = 0, y = 0;
  };

  void tile(const real* x, real* y, long rows, long columns) const;

  long count_ = 0;
  long run_ = 1;             // elements that stay together
  Axis row_, column_;        // of a tile: the loops with the shortest steps in y and, where run_ is 1, in x
  long row_tile_ = 1;        // how many steps of row_ a tile takes
  std::vector<Axis> outer_;  // the loops around tiles; the last two go through the tiles of row_ and column_
  long tiles_ = 0;           // 0: every element stays where it is
};

// The permutation that undoes Permutation(dims, order).
Permutation inverse_permutation(const std::vector<long>& dims, const std::vector<int>& order);

}  // namespace crema

// Windows that slide over an image's spatial axes, and the matrix of their contents that turns a convolution into a
// matrix product. Any number of spatial axes, none included.
#pragma once

#include <vector>

#include "math/real.h"

namespace crema {

// One number for each spatial axis.
struct Windows {
  std::vector<long> kernel, stride, pad, dilation;

  bool operator==(const Windows&) const = default;

  // The window of size 1 that covers each element once: the matrix is the image itself.
  bool trivial() const;

  // What one window spans on an axis: dilation * (kernel - 1) + 1.
  long extent(int axis) const;

  // Positions along an axis of this size: floor((size + 2 * pad - extent) / stride) + 1. Negative sizes and zero if the
  // window does not fit.
  long positions(int axis, long size) const;
};

// An image (channels, input...) and its matrix: (channels * kernel..., output...), a row for each element of a window,
// a column for each position.
struct Patches {
  long channels = 0;
  std::vector<long> input, output;  // the spatial axes' sizes
  Windows windows;

  long rows() const;
  long columns() const;
  long count() const { return rows() * columns(); }
  long image_count() const;
};

// Fills the matrix; elements outside of the image are zeros.
void im2col(const Patches& patches, const real* image, real* matrix);

// The transpose: overwrites each element of the image with the sum of its copies in the matrix.
void col2im(const Patches& patches, const real* matrix, real* image);

}  // namespace crema

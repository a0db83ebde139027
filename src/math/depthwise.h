// Convolution where each channel has kernels of its own (group = channels), without matrix products, on raw pointers in
// plain layouts.
//
// A plane of x is copied, with its padding, into several arrays: one for each offset within the stride. For all windows
// of the plane at once, a kernel element is then multiplied with consecutive elements of one array. So every loop is as
// long as the plane and reads memory in order, for any stride and however short the rows are.
#pragma once

#include <vector>

#include "math/im2col.h"
#include "math/real.h"

namespace crema {

class Depthwise {
 public:
  Depthwise() = default;
  // `kernels`: how many each channel has; their outputs lie one after the other.
  Depthwise(const Patches& patches, long kernels);

  // Whether there are spatial axes, adjacent windows leave no gap, and the arrays are not too large for memory.
  static bool fits(const Patches& patches);

  explicit operator bool() const { return kernels_ > 0; }

  // Elements of memory that a pass works in. Clear the memory once; it then serves one kind of pass, plane after plane.
  long memory() const { return arrays_count_ + map_count_ + weights_count_; }
  void clear(real* memory) const;

  // One channel of one image; w are its kernels, y the planes of its outputs. b: a number for each, or null.
  void forward(const real* x, const real* w, const real* b, real* y, real* memory) const;
  void backward_data(const real* dy, const real* w, real* dx, real* memory) const;     // overwrites dx
  void backward_weights(const real* x, const real* dy, real* dw, real* memory) const;  // adds to dw

 private:
  // Elements that lie side by side in an array and stride_ apart in x, or side by side in y.
  struct Line {
    long array, plane, count;
  };

  void list_elements(const Patches& patches, const std::vector<long>& steps);
  std::vector<Line> list_lines(const std::vector<long>& sizes, const std::vector<long>& stride,
                               const std::vector<long>& pad, const std::vector<long>& array,
                               const std::vector<long>& steps) const;
  const real* sorted(const real* w, real* memory) const;

  long kernels_ = 0, taps_ = 0;     // taps: elements of a kernel
  long stride_ = 1;                 // on the innermost axis
  long x_count_ = 0, y_count_ = 0;  // elements of a plane
  long array_step_ = 0;             // from one array to the next
  long positions_ = 0;              // of an array
  long windows_ = 0;                // of these, up to the last window's
  long room_ = 0;                   // zeros in front of a plane of y, as many as a kernel element reaches back
  long arrays_count_ = 0, map_count_ = 0, weights_count_ = 0;  // elements of the memory's three parts
  bool all_reached_ = true;                                    // every element of x has a place in the arrays

  // The kernel's elements, sorted by the array that they are multiplied with.
  std::vector<long> order_;              // their places in the kernel
  std::vector<long> offset_;             // in all arrays, the element that each is multiplied with for the window at 0
  std::vector<long> back_;               // in an array, the window that meets position 0
  std::vector<long> first_;              // the first one of each array; a last entry ends the list
  std::vector<Line> x_lines_, y_lines_;  // where x and y stand in the arrays
};

}  // namespace crema

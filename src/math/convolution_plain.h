// Convolution without the engine, forward and both backward passes, on raw pointers in plain layouts: for each image,
// and each group of it, a product of two matrices; where each channel is a group, without matrices (depthwise.h).
#pragma once

#include "math/depthwise.h"
#include "math/im2col.h"
#include "math/real.h"

namespace crema {

// x: batch x (channels, input...), y: batch x (outputs, output...), w: (outputs, channels / group, kernel...).
class PlainConvolution {
 public:
  PlainConvolution() = default;
  PlainConvolution(const Patches& patches, long batch, long outputs, long group);

  // Elements of memory that a pass needs, on as many threads as it is called on.
  long data_memory() const;  // forward and backward_data
  long weights_memory() const;

  void forward(const real* x, const real* w, const real* b, real* y, real* memory) const;  // b: null without bias
  void backward_data(const real* dy, const real* w, real* dx, real* memory) const;         // overwrites dx
  // dw = beta * dw + gradient; beta is 0 or 1.
  void backward_weights(const real* x, const real* dy, real* dw, real beta, real* memory) const;

 private:
  template <typename Body>
  void for_items(long items, long lanes, real* memory, const Body& body) const;
  template <typename Body>
  void for_planes(long planes, real* memory, const Body& body) const;
  void depthwise_weights(const real* x, const real* dy, real* sums, real* memory) const;
  const real* unfold(const real* image, real* matrix) const;
  void sum_images(const real* x, const real* dy, long begin, long end, real* matrix, real* sum) const;
  long weights_count() const { return outputs_ * inputs_ * group_; }

  // How backward_weights() cuts the batch into blocks of images. Each block has its own sums, unless these would be
  // large.
  struct Blocks {
    long count, lanes, sums;
  };
  Blocks blocks() const;
  long lane_memory() const;

  Patches patches_;
  long batch_ = 0, group_ = 1;
  long outputs_ = 0, inputs_ = 0, positions_ = 0;  // of a group: w is outputs x inputs, the patches inputs x positions
  long matrix_count_ = 0;                          // elements of an image's patches; 0 where the image itself is used
  Depthwise depthwise_;                            // if it is the way to go
};

}  // namespace crema

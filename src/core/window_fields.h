// How a message describes windows: kernel_size, stride, pad and dilation with one number for all spatial axes or one
// for each, or for two spatial axes each by name (kernel_h, kernel_w).
#pragma once

#include "crema.pb.h"
#include "math/im2col.h"
#include "math/shape.h"

namespace crema {

class WindowFields {
 public:
  // Both throw Error where fields contradict each other or are out of range, the first one also where the kernel has no
  // size.
  explicit WindowFields(const ConvolutionParameter& config);
  explicit WindowFields(const PoolingParameter& config);

  // The windows over this many spatial axes. Throws Error if a field has another number of values.
  Windows windows(int spatial) const;

  // The windows over the axes of x after the channels, which are at `axis`. Throws Error where none fits.
  Patches patches(const Shape& x, int axis) const;

 private:
  Windows given_;  // as the message sets them: each field has no, one or several numbers
};

}  // namespace crema

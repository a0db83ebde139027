// Pooling over two spatial axes by the engine, in whatever layout the bottom has.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "math/layout.h"
#include "math/real.h"

namespace crema {

// One spatial axis: window k covers [k * stride - pad, k * stride - pad + kernel) of an axis of `in` elements that
// starts at 0; what lies outside is padding. Every window reaches at least one element: pad < kernel, and the last one
// starts before in + pad.
struct PoolingAxis {
  long in, kernel, stride, pad, out;

  // The elements that window k covers.
  long begin(long k) const { return std::max(k * stride - pad, 0L); }
  long end(long k) const { return std::min(k * stride - pad + kernel, in); }
  // The length that an average divides by: padding counts, what lies beyond it does not.
  long divisor(long k) const { return std::min(kernel, in + pad - (k * stride - pad)); }
  // How far the last window reaches beyond the padding on the far side.
  long overhang() const { return std::max((out - 1) * stride + kernel - in - 2 * pad, 0L); }
};

class EnginePooling {
 public:
  enum class Method { maximum, average };

  // x: (N, C, h.in, w.in). Null where the engine is not compiled in, has no kernel for it, or divides an average by
  // another number than PoolingAxis::divisor().
  static std::unique_ptr<EnginePooling> create(Method method, const Shape& x, Layout layout, const PoolingAxis& h,
                                               const PoolingAxis& w);
  virtual ~EnginePooling() = default;

  // All arrays are in the layout given to create(). Equal maxima: the first in row-major order counts.
  virtual void forward(const real* x, real* y) = 0;
  // Overwrites dx; belongs to the last forward().
  virtual void backward(const real* dy, real* dx) = 0;
  virtual std::string implementation() const = 0;
};

}  // namespace crema

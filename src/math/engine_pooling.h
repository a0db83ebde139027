// Pooling over two spatial axes by the engine, in whatever layout the bottom has.
#pragma once

#include <memory>
#include <string>

#include "math/engine_memory.h"
#include "math/layout.h"
#include "math/pooling.h"

namespace crema {

class EnginePooling {
 public:
  // x: (N, C, h.in, w.in). Returns null if the engine is not compiled in, has no kernel for the problem, or divides an
  // average by another number than PoolingAxis::divisor().
  static std::unique_ptr<EnginePooling> create(PoolingMethod method, const Shape& x, Layout layout,
                                               const PoolingAxis& h, const PoolingAxis& w);
  virtual ~EnginePooling() = default;

  // All arrays are in the layout given to create(). Equal maxima: the first in row-major order counts.
  virtual void forward(const real* x, real* y) = 0;
  // Overwrites dx; belongs to the last forward().
  virtual void backward(const real* dy, real* dx) = 0;
  virtual std::string implementation() const = 0;
  virtual EngineMemory memory() const = 0;
};

}  // namespace crema

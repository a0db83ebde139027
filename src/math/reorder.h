// Moves an array from one layout to another. Padding of the destination is written as zeros.
#pragma once

#include <memory>

#include "math/layout.h"
#include "math/real.h"

namespace crema {

class Reorder {
 public:
  Reorder(const Shape& shape, Layout from, Layout to);
  ~Reorder();
  Reorder(Reorder&&) noexcept;
  Reorder& operator=(Reorder&&) noexcept;

  // Both hold storage_count(shape, layout) elements; they don't overlap.
  void run(const real* from, real* to) const;

 private:
  struct Kernel;
  std::unique_ptr<Kernel> kernel_;
};

}  // namespace crema

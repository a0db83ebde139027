// Which algorithm computes each pass of a convolution: what was measured to be the fastest, or what a file or a state
// says.
#pragma once

namespace crema {

class Algorithms {
 public:
  virtual ~Algorithms() = default;
};

}  // namespace crema

// Memory for an array of real, aligned for vector loads and for whole pages of the engine's primitives.
#pragma once

#include <memory>

#include "math/real.h"

namespace crema {

class Buffer {
 public:
  Buffer() = default;
  // `count` elements, filled with `value`. Throws Error if the memory cannot be had.
  explicit Buffer(long count, real value = 0);

  // The size of Buffer(count) without its memory: data() is null.
  static Buffer planned(long count) {
    Buffer buffer;
    buffer.size_ = count;
    return buffer;
  }

  real* data() { return memory_.get(); }
  const real* data() const { return memory_.get(); }
  long size() const { return size_; }
  real& operator[](long i) { return memory_[i]; }
  real operator[](long i) const { return memory_[i]; }

  // Room for at least `count` elements; the contents are lost if it had less.
  void grow(long count) {
    if (count > size_) *this = Buffer(count);
  }

 private:
  struct Free {
    void operator()(real* memory) const;
  };
  std::unique_ptr<real[], Free> memory_;
  long size_ = 0;
};

}  // namespace crema

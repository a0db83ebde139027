// One piece of memory for the planned buffers of a train net and its test nets, which never run at the same time.
#pragma once

#include <cstdint>

#include "math/buffer.h"

namespace crema {

class Arena {
 public:
  // Room for `count` elements. Growing moves the memory: version() tells users that their pointers are stale.
  void reserve(long count) {
    if (count <= memory_.size()) return;
    memory_ = Buffer();
    memory_ = Buffer(count);
    ++version_;
  }
  real* data() { return memory_.data(); }
  long size() const { return memory_.size(); }
  uint64_t version() const { return version_; }

 private:
  Buffer memory_;
  uint64_t version_ = 0;
};

}  // namespace crema

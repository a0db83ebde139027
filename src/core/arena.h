// One piece of memory for the planned buffers of a train net and its test nets. One net uses it at a time: the one that
// began a forward pass last.
#pragma once

#include <cstdint>

#include "math/buffer.h"

namespace crema {

class Arena {
 public:
  // Room for `count` elements. Growing moves the memory: version() tells users that their pointers are stale. Throws
  // Error if the memory cannot be allocated; then nothing has changed.
  void reserve(long count) {
    if (count <= memory_.size()) return;
    // Frees the old memory before it touches the new one, so that both are never resident at once.
    memory_ = Buffer::untouched(count);
    memory_.fill(0);
    ++version_;
    user_ = nullptr;
  }
  real* data() { return memory_.data(); }
  long size() const { return memory_.size(); }
  uint64_t version() const { return version_; }

  // The net whose buffers are in the arena: the one that ran last.
  const void* user() const { return user_; }
  void set_user(const void* net) { user_ = net; }

 private:
  const void* user_ = nullptr;
  Buffer memory_ = Buffer(0);
  uint64_t version_ = 0;
};

}  // namespace crema

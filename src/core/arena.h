// One piece of memory for the planned buffers of a train net and its test nets. One of them uses it at a time: from the
// start of a forward pass on it is that net's.
#pragma once

#include <cstdint>

#include "math/buffer.h"

namespace crema {

class Arena {
 public:
  // Room for `count` elements. Growing moves the memory: version() tells users that their pointers are stale. Throws
  // Error if the memory cannot be had; everything is as before then.
  void reserve(long count) {
    if (count <= memory_.size()) return;
    // The old memory is given back before the new one is touched, so that both take no room at once.
    memory_ = Buffer::untouched(count);
    memory_.fill(0);
    ++version_;
    user_ = nullptr;
  }
  real* data() { return memory_.data(); }
  long size() const { return memory_.size(); }
  uint64_t version() const { return version_; }

  // The net whose buffers it holds: the one that ran last.
  const void* user() const { return user_; }
  void set_user(const void* net) { user_ = net; }

 private:
  const void* user_ = nullptr;
  Buffer memory_ = Buffer(0);
  uint64_t version_ = 0;
};

}  // namespace crema

// Memory for an array of numbers, aligned to 64 bytes: the largest vector register, and a cache line.
#pragma once

#include <algorithm>
#include <memory>
#include <type_traits>

#include "base/parallel.h"
#include "math/real.h"

namespace crema {

// Within its lifetime, arrays that the calling thread makes or grows have a size but no memory: for a net that is
// planned but never run. A layer's reshape() must then not fill its arrays.
class PlannedMemory {
 public:
  explicit PlannedMemory(bool planned = true) : before_(on()) { on() = planned; }
  ~PlannedMemory() { on() = before_; }
  PlannedMemory(const PlannedMemory&) = delete;
  PlannedMemory& operator=(const PlannedMemory&) = delete;

  static bool& on();

 private:
  bool before_;
};

// Allocates bytes without touching them, so that they take no memory yet. Throws Error if that fails.
void* aligned_memory(long bytes);

template <typename T>
class BufferOf {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  BufferOf() = default;
  // `count` elements, filled with `value`. Throws Error if the memory cannot be had. If count is 0, data() is not null
  // either, so a layer need not treat an empty array as a special case. Only BufferOf() and planned memory are null.
  explicit BufferOf(long count, T value = {}) : BufferOf(untouched(count)) { fill(value); }

  // The size of BufferOf(count) without its memory: data() is null.
  static BufferOf planned(long count) {
    BufferOf buffer;
    buffer.size_ = buffer.room_ = count;
    return buffer;
  }
  // The system gives the memory when it is first written to; until then it has no contents.
  static BufferOf untouched(long count) {
    BufferOf buffer = planned(count);
    if (!PlannedMemory::on()) {
      buffer.memory_.reset(static_cast<T*>(aligned_memory(std::max(count, 1L) * static_cast<long>(sizeof(T)))));
    }
    return buffer;
  }

  T* data() { return memory_.get(); }
  const T* data() const { return memory_.get(); }
  long size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data(); }
  T* end() { return data() + (data() == nullptr ? 0 : size_); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + (data() == nullptr ? 0 : size_); }
  T& operator[](long i) { return memory_[i]; }
  const T& operator[](long i) const { return memory_[i]; }

  // Room for at least `count` elements; the contents are lost if it had less.
  void grow(long count) {
    if (count > size_ || room_ == 0) resize(count);
  }
  // `count` elements; the contents are lost if there was no room for so many.
  void resize(long count) {
    if (count > room_ || (room_ == 0 && data() == nullptr)) *this = BufferOf(count);
    size_ = count;
  }
  // `count` elements, all of this value.
  void assign(long count, T value) {
    resize(count);
    fill(value);
  }

  void fill(T value) {
    if (data() == nullptr) return;
    parallel_for(size_, 1, [&](long first, long last) { std::fill(data() + first, data() + last, value); });
  }

 private:
  struct Free {
    void operator()(T* memory) const;
  };
  std::unique_ptr<T[], Free> memory_;
  long size_ = 0, room_ = 0;
};

void free_aligned_memory(void* memory);

template <typename T>
void BufferOf<T>::Free::operator()(T* memory) const {
  free_aligned_memory(memory);
}

using Buffer = BufferOf<real>;

}  // namespace crema

#include "math/buffer.h"

#include <cstdlib>

#include "base/error.h"

namespace crema {

bool& PlannedMemory::on() {
  thread_local bool on = false;
  return on;
}

void* aligned_memory(long bytes) {
  constexpr size_t kAlignment = 64;
  const size_t whole = (static_cast<size_t>(bytes) + kAlignment - 1) / kAlignment * kAlignment;
  void* memory = std::aligned_alloc(kAlignment, whole);
  check(memory != nullptr, "out of memory: {:.1f} MB could not be had", static_cast<double>(whole) / 1e6);
  return memory;
}

void free_aligned_memory(void* memory) { std::free(memory); }

}  // namespace crema

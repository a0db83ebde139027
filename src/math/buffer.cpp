#include "math/buffer.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/parallel.h"

namespace crema {

Buffer::Buffer(long count, real value) : size_(count) {
  if (count == 0) return;
  constexpr size_t kAlignment = 64;
  const size_t bytes = (static_cast<size_t>(count) * sizeof(real) + kAlignment - 1) / kAlignment * kAlignment;
  memory_.reset(static_cast<real*>(std::aligned_alloc(kAlignment, bytes)));
  check(memory_ != nullptr, "out of memory: {:.1f} MB could not be had", static_cast<double>(bytes) / 1e6);
  real* const p = memory_.get();
  parallel_for(count, 1, [&](long begin, long end) { std::fill(p + begin, p + end, value); });
}

void Buffer::Free::operator()(real* memory) const { std::free(memory); }

}  // namespace crema

#include "math/drop.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/random_many.h"

namespace crema {

Drop::Drop(const Random& numbers, float ratio)
    : numbers_(numbers),
      threshold_(static_cast<uint32_t>(static_cast<double>(ratio) * 0x1p32)),
      scale_(static_cast<real>(1 / (1 - static_cast<double>(ratio)))) {}

void Drop::operator()(long first, long n, const real* x, real* y, long step) const {
  uint32_t bits[Random::kNumbers];
  long skipped = first % 4;  // of the first block
  for (long done = 0, block = first / 4; done < n; block += Random::kBlocks, skipped = 0) {
    numbers_.many_bits(static_cast<uint64_t>(block), bits);
    const long count = std::min(n - done, Random::kNumbers - skipped);
    const uint32_t* own = bits + skipped;
    const real* from = x + done * step;
    real* to = y + done * step;
    if (step == 1) {
#pragma omp simd
      for (long i = 0; i < count; ++i) to[i] = own[i] < threshold_ ? 0 : scale_ * from[i];
    } else {
      for (long i = 0; i < count; ++i) to[i * step] = own[i] < threshold_ ? 0 : scale_ * from[i * step];
    }
    done += count;
  }
}

void Drop::all(long n, const real* x, real* y) const {
  constexpr long kPart = Random::kNumbers;
  parallel_for((n + kPart - 1) / kPart, 6 * kPart, [&](long begin, long end) {
    const long first = begin * kPart;
    (*this)(first, std::min(n, end * kPart) - first, x + first, y + first);
  });
}

}  // namespace crema

#include "core/indices.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/parallel.h"

namespace crema {
namespace {

[[noreturn]] void refuse(const Blob& blob, long i, long limit, const char* what) {
  const long places = blob.axes() > 0 ? blob.shape().count_from(1) : 1;
  const std::string place = places > 1 ? fmt::format(", place {}", i % places) : "";
  throw Error("index {} of record {}{} is none of the {} {} (whole numbers from 0)", blob.data()[i], i / places, place,
              limit, what);
}

}  // namespace

void read_indices(const Blob& blob, long limit, const char* what, BufferOf<int>& indices) {
  check(limit <= std::numeric_limits<int>::max(), "{} {} are too many for indices, which count up to {}", limit, what,
        std::numeric_limits<int>::max());
  const real* x = blob.data();
  parallel_for(blob.count(), 4, [&](long begin, long end) {
    for (long i = begin; i < end; ++i) {
      const bool right = x[i] >= 0 && x[i] < static_cast<real>(limit) && x[i] == std::floor(x[i]);
      if (!right) refuse(blob, i, limit, what);
      indices[i] = static_cast<int>(x[i]);
    }
  });
}

}  // namespace crema

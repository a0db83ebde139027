// Sizes of the small problems that the engine's kernels are compared on (math/checked_engine.h), and what the
// comparisons have in common. Internal to src/math/.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "math/precision.h"
#include "math/self_check.h"
#include "math/workspace.h"

namespace crema {

inline constexpr double kWorthComparing = 2e9;  // multiply-adds: larger problems are not compared

// The largest allowed difference, relative to the largest value, for products of float or of bfloat16.
inline double tolerance_of(Precision precision) { return precision == Precision::f32 ? 1e-3 : 2e-2; }

inline long few_records(long n) { return std::min(n, 3L); }

// A smaller number of channels that fills the last block, and the last group of blocks that a kernel takes at once, to
// the same part as n.
inline long few_channels(long n) {
  constexpr long kMost = 64;
  return n <= kMost ? n : kMost + n % kMost;
}

// A smaller number of windows along an axis: some that reach into the padding at either end, and some between. The
// innermost axis gets enough of them for a kernel's main loop, and the remainder is that of n.
inline long few_windows(long n, long stride, long pad, bool innermost) {
  constexpr long kWide = 32, kRest = 16;
  const long both_ends = 2 * ((pad + stride - 1) / stride) + 3;
  if (!innermost) return std::min(n, both_ends);
  const long most = std::max(kWide, (both_ends + kRest - 1) / kRest * kRest);
  return n <= most ? n : most + n % kRest;
}

// Within its lifetime everything runs on one thread, except for functions given to on_all(): a small problem is solved
// sooner than a team of threads wakes up.
class OneThread {
 public:
  template <typename F>
  void on_all(const F& f) const {
    const ThreadScope all(all_);
    f();
  }

 private:
  const int all_ = omp_get_max_threads();
  const ThreadScope one_{1};
};

// Whether a kernel is right. It is compared on the first of `problems` for which the engine takes it. make(problem)
// returns a part, or null; same(part) tells whether the part has this kernel; error(part, problem) runs the part. If
// there is no such problem, the kernel is trusted.
template <typename Problem, typename Make, typename Same, typename Compare>
bool is_right(const SelfChecks::Kernel& kernel, double tolerance, const std::vector<Problem>& problems,
              const Make& make, const Same& same, const Compare& error) {
  return SelfChecks::of_process().right(kernel, tolerance, [&]() -> std::optional<double> {
    const LentMemory none(nullptr, 0);  // the comparison must not use memory that is lent to a step
    for (const Problem& problem : problems) {
      const auto part = make(problem);
      if (part && same(*part)) return error(*part, problem);
    }
    return std::nullopt;
  });
}

}  // namespace crema

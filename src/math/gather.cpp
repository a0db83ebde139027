#include "math/gather.h"

#include <algorithm>

#include "base/parallel.h"

namespace crema {
namespace {

constexpr long kTile = 64;   // columns that one task sums
constexpr long kTasks = 16;  // at least so many tasks: with few tiles, the table's rows are divided, too

}  // namespace

void gather_rows(const BufferOf<int>& picks, long length, const real* table, real* y) {
  parallel_for(picks.size(), length, [&](long begin, long end) {
    for (long i = begin; i < end; ++i) std::copy_n(table + picks[i] * length, length, y + i * length);
  });
}

void scatter_rows(const BufferOf<int>& picks, long length, const real* dy, real beta, long rows, real* sums) {
  const long tiles = (length + kTile - 1) / kTile, n = picks.size();
  if (tiles == 0) return;
  const long parts = std::clamp(kTasks / tiles, 1L, std::max(1L, rows));
  const auto task = [&](long part, long tile) {
    const long first = rows * part / parts, last = rows * (part + 1) / parts;
    const long begin = tile * kTile, width = std::min(kTile, length - begin);
    for (long r = first; beta == 0 && r < last; ++r) std::fill_n(sums + r * length + begin, width, real{0});
    for (long i = 0; i < n; ++i) {
      if (picks[i] < first || picks[i] >= last) continue;
      const real* from = dy + i * length + begin;
      real* to = sums + picks[i] * length + begin;
      for (long k = 0; k < width; ++k) to[k] += from[k];
    }
  };
  parallel_for(parts * tiles, (n + (beta == 0 ? rows : 0)) * std::min(kTile, length) / parts,
               [&](long begin, long end) {
                 for (long t = begin; t < end; ++t) task(t / tiles, t % tiles);
               });
}

}  // namespace crema

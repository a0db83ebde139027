#include "math/move.h"

#include <algorithm>
#include <utility>

#include "base/parallel.h"

namespace crema {
namespace {

constexpr long kTile = 16;  // a tile's rows and columns are whole cache lines of floats

// to[c * to_stride + r] = from[r * from_stride + c].
void transpose_tile(long columns, long rows, const real* from, long from_stride, real* to, long to_stride) {
  for (long c = 0; c < columns; ++c) {
    for (long r = 0; r < rows; ++r) to[c * to_stride + r] = from[r * from_stride + c];
  }
}

}  // namespace

void copy_pieces(long rows, long length, const real* from, long from_stride, real* to, long to_stride) {
  parallel_for(rows * length, 1, [&](long begin, long end) {
    while (begin < end) {
      const long row = begin / length, column = begin % length, n = std::min(length - column, end - begin);
      std::copy_n(from + row * from_stride + column, n, to + row * to_stride + column);
      begin += n;
    }
  });
}

Permutation::Permutation(const std::vector<long>& dims, const std::vector<int>& order) {
  std::vector<long> strides(dims.size(), 1);
  for (size_t a = dims.size(); a-- > 1;) strides[a - 1] = strides[a] * dims[a];

  // The result's axes without those of one element; axes that stay neighbours become one.
  std::vector<Axis> axes;
  for (const int a : order) {
    const Axis axis{dims[a], strides[a], 0};
    if (axis.size == 1) continue;
    if (!axes.empty() && axes.back().from_stride == axis.size * axis.from_stride) {
      axes.back() = {axes.back().size * axis.size, axis.from_stride, 0};
    } else {
      axes.push_back(axis);
    }
  }
  if (axes.empty()) axes.push_back({1, 1, 1});
  long stride = 1;
  for (size_t a = axes.size(); a-- > 0; stride *= axes[a].size) axes[a].to_stride = stride;

  row_ = axes.back();
  axes.pop_back();
  for (const Axis& axis : axes) {
    if (axis.from_stride == 1) {
      columns_ = axis;
    } else {
      outer_.push_back(axis);
    }
  }
}

void Permutation::run(const real* from, real* to) const {
  long matrices = 1;
  for (const Axis& axis : outer_) matrices *= axis.size;
  const long strips = (columns_.size + kTile - 1) / kTile;  // of kTile columns
  parallel_for(matrices * strips, std::min(kTile, columns_.size) * row_.size, [&](long begin, long end) {
    for (long strip = begin; strip < end; ++strip) {
      const long first = strip % strips * kTile;
      const real* x = from + first;
      real* y = to + first * columns_.to_stride;
      long rest = strip / strips;
      for (size_t a = outer_.size(); a-- > 0; rest /= outer_[a].size) {
        x += rest % outer_[a].size * outer_[a].from_stride;
        y += rest % outer_[a].size * outer_[a].to_stride;
      }
      if (row_.from_stride == 1) {
        std::copy_n(x, row_.size, y);
        continue;
      }
      const long columns = std::min(kTile, columns_.size - first);
      for (long r = 0; r < row_.size; r += kTile) {
        transpose_tile(columns, std::min(kTile, row_.size - r), x + r * row_.from_stride, row_.from_stride, y + r,
                       columns_.to_stride);
      }
    }
  });
}

Permutation inverse_permutation(const std::vector<long>& dims, const std::vector<int>& order) {
  std::vector<long> permuted(dims.size());
  std::vector<int> inverse(dims.size());
  for (size_t a = 0; a < order.size(); ++a) {
    permuted[a] = dims[order[a]];
    inverse[order[a]] = static_cast<int>(a);
  }
  return Permutation(permuted, inverse);
}

}  // namespace crema

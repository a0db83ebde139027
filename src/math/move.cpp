#include "math/move.h"

#include <algorithm>

#include "base/parallel.h"
#include "math/loops.h"
#include "math/shape.h"

namespace crema {
namespace {

constexpr long kTile = 16;  // a tile's rows and columns are whole cache lines of floats
constexpr long kLongRun = 256;

long tiles_of(long size, long tile) { return (size + tile - 1) / tile; }

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

long pieces_along(const Shape& shape, Layout layout, int axis) {
  if (axis == 0 || layout == Layout::plain) return shape.count(0, axis);
  if (layout == Layout::channels_last) return shape[0] * shape.count(2, axis == 1 ? shape.axes() : axis);
  const long block = block_size(layout), blocks = axis == 1 ? 1 : (shape[1] + block - 1) / block;
  return shape[0] * blocks * shape.count(2, axis);
}

Permutation::Permutation(const std::vector<long>& dims, const std::vector<int>& order) : count_(Shape(dims).count()) {
  std::vector<long> strides(dims.size(), 1);
  for (size_t a = dims.size(); a-- > 1;) strides[a - 1] = strides[a] * dims[a];

  // Axes of the result, outermost first. Axes that are adjacent in the array, too, are merged; axes of one element are
  // left out.
  std::vector<Axis> axes;
  for (const int from : order) {
    const Axis axis{dims[from], strides[from], 0};
    if (axis.size == 1) continue;
    if (!axes.empty() && axes.back().x == axis.size * axis.x) {
      axes.back() = {axes.back().size * axis.size, axis.x, 0};
    } else {
      axes.push_back(axis);
    }
  }
  if (count_ == 0 || axes.size() < 2) return;
  long step = 1;
  for (size_t k = axes.size(); k-- > 0; step *= axes[k].size) axes[k].y = step;
  if (axes.back().x == 1) {
    run_ = axes.back().size;
    axes.pop_back();
  }
  row_ = axes.back();
  axes.pop_back();
  if (run_ == 1) {
    const auto innermost = std::find_if(axes.begin(), axes.end(), [](const Axis& axis) { return axis.x == 1; });
    column_ = *innermost;
    axes.erase(innermost);
  }
  row_tile_ = run_ < kLongRun ? kTile : 1;
  outer_ = axes;
  outer_.push_back({tiles_of(row_.size, row_tile_), row_tile_ * row_.x, row_tile_ * row_.y});
  outer_.push_back({tiles_of(column_.size, kTile), kTile * column_.x, kTile * column_.y});
  tiles_ = 1;
  for (const Axis& axis : outer_) tiles_ *= axis.size;
}

void Permutation::tile(const real* x, real* y, long rows, long columns) const {
  const long step = row_.x;
  if (run_ > 1) {
    for (long r = 0; r < rows; ++r) std::copy_n(x + r * step, run_, y + r * row_.y);
    return;
  }
  for (long c = 0; c < columns; ++c) {
    real* to = y + c * column_.y;
#pragma omp simd
    for (long r = 0; r < rows; ++r) to[r] = x[r * step + c];
  }
}

void Permutation::run(const real* x, real* y) const {
  if (tiles_ == 0) return copy_elements(count_, x, y);  // every element stays where it is
  const int loops = static_cast<int>(outer_.size());
  const long cost = run_ * row_tile_ * std::min(kTile, column_.size);
  parallel_for(tiles_, cost, [&](long begin, long end) {
    long index[Shape::kMaxAxes + 2], from = 0, to = 0;
    for (long k = loops, rest = begin; k-- > 0; rest /= outer_[k].size) {
      index[k] = rest % outer_[k].size;
      from += index[k] * outer_[k].x;
      to += index[k] * outer_[k].y;
    }
    for (long t = begin; t < end; ++t) {
      tile(x + from, y + to, std::min(row_tile_, row_.size - index[loops - 2] * row_tile_),
           std::min(kTile, column_.size - index[loops - 1] * kTile));
      for (long k = loops; k-- > 0;) {
        const Axis& axis = outer_[k];
        from += axis.x;
        to += axis.y;
        if (++index[k] < axis.size) break;
        from -= axis.size * axis.x;
        to -= axis.size * axis.y;
        index[k] = 0;
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

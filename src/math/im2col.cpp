#include "math/im2col.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

#include "base/parallel.h"
#include "math/shape.h"

namespace crema {
namespace {

long product(const std::vector<long>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), 1L, std::multiplies<>());
}

// Walks over one row of the matrix: the element `offset` (one index for each axis) of every window, in the order of the
// columns. Calls `line` once for each whole line of the innermost axis.
template <typename Line>
class RowWalk {
 public:
  RowWalk(const Patches& patches, const long* offset, const Line& line) : p_(patches), offset_(offset), line_(line) {}

  void run() {
    if (p_.input.empty()) {
      line_(0, 0, 0, 1, 1, 1);
    } else {
      axis(0, 0, true);
    }
  }

 private:
  // position: of the image's element on the axes before `a`, in plain order.
  void axis(size_t a, long position, bool inside) {
    const Windows& w = p_.windows;
    const long first = offset_[a] * w.dilation[a] - w.pad[a];  // on this axis, of window 0
    const long size = p_.input[a], positions = p_.output[a], stride = w.stride[a];
    if (a + 1 == p_.input.size()) {
      long begin = 0, end = 0;  // the windows whose element is inside of the image
      if (inside) {
        begin = std::clamp(first >= 0 ? 0 : (-first + stride - 1) / stride, 0L, positions);
        end = std::clamp(size > first ? (size - 1 - first) / stride + 1 : 0, begin, positions);
      }
      line_(position * size + first + begin * stride, column_, begin, end, positions, stride);
      column_ += positions;
      return;
    }
    for (long o = 0; o < positions; ++o) {
      const long i = first + o * stride;
      axis(a + 1, position * size + i, inside && i >= 0 && i < size);
    }
  }

  const Patches& p_;
  const long* offset_;
  const Line& line_;
  long column_ = 0;
};

// For each of the rows first .. last-1 of the matrix calls start(row, channel), then for each of its lines
// line(image, column, begin, end, positions, stride): of the `positions` columns from `column` on, [begin, end) hold
// the channel's elements image, image + stride, ..., the others lie outside of it.
template <typename Start, typename Line>
void walk_rows(const Patches& p, long first, long last, const Start& start, const Line& line) {
  std::array<long, Shape::kMaxAxes> offset;  // not a vector, since passes must not allocate memory
  for (long row = first; row < last; ++row) {
    long rest = row;
    for (size_t a = p.input.size(); a-- > 0; rest /= p.windows.kernel[a]) offset[a] = rest % p.windows.kernel[a];
    start(row, rest);
    RowWalk<Line>(p, offset.data(), line).run();
  }
}

}  // namespace

bool Windows::trivial() const {
  const auto all = [](const std::vector<long>& values, long value) {
    return std::all_of(values.begin(), values.end(), [&](long v) { return v == value; });
  };
  return all(kernel, 1) && all(stride, 1) && all(pad, 0);
}

long Windows::extent(int axis) const {
  const auto a = static_cast<size_t>(axis);
  return dilation[a] * (kernel[a] - 1) + 1;
}

long Windows::positions(int axis, long size) const {
  const auto a = static_cast<size_t>(axis);
  const long room = size + 2 * pad[a] - extent(axis);
  return room < 0 ? 0 : room / stride[a] + 1;
}

long Patches::rows() const { return channels * product(windows.kernel); }
long Patches::columns() const { return product(output); }
long Patches::image_count() const { return channels * product(input); }

void im2col(const Patches& patches, const real* image, real* matrix) {
  const long columns = patches.columns(), plane = product(patches.input);
  parallel_for(patches.rows(), columns, [&](long first, long last) {
    const real* x = nullptr;
    real* y = nullptr;
    const auto start = [&](long row, long channel) {
      x = image + channel * plane;
      y = matrix + row * columns;
    };
    walk_rows(patches, first, last, start, [&](long i, long column, long begin, long end, long positions, long stride) {
      real* to = y + column;
      std::fill(to, to + begin, real{0});
      if (stride == 1) {
        std::copy_n(x + i, end - begin, to + begin);
      } else {
        for (long o = begin; o < end; ++o, i += stride) to[o] = x[i];
      }
      std::fill(to + end, to + positions, real{0});
    });
  });
}

void col2im(const Patches& patches, const real* matrix, real* image) {
  const long columns = patches.columns(), plane = product(patches.input);
  const long window = product(patches.windows.kernel);
  // All rows of a channel add to the same plane, so one thread takes them, in their order.
  parallel_for(patches.channels, window * columns, [&](long first, long last) {
    std::fill(image + first * plane, image + last * plane, real{0});
    real* x = nullptr;
    const real* y = nullptr;
    const auto start = [&](long row, long channel) {
      x = image + channel * plane;
      y = matrix + row * columns;
    };
    walk_rows(patches, first * window, last * window, start,
              [&](long i, long column, long begin, long end, long, long stride) {
                const real* from = y + column;
                if (stride == 1) {
                  for (long o = begin; o < end; ++o) x[i + o - begin] += from[o];
                } else {
                  for (long o = begin; o < end; ++o, i += stride) x[i] += from[o];
                }
              });
  });
}

}  // namespace crema

#include "math/depthwise.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "math/buffer.h"

namespace crema {
namespace {

constexpr long kLanes = 16;  // loops run to multiples of this, into the zeros after an array, so that they have no
                             // remainder

long rounded(long n) { return (n + kLanes - 1) / kLanes * kLanes; }

// y[i] (+)= the sum over t of w[t] * x[offset[t] + i].
template <bool kAdd, size_t... T>
void filter(std::index_sequence<T...>, long n, const real* x, const long* offset, const real* w, real* y) {
  const real* const from[] = {(x + offset[T])...};
  const real factor[] = {w[T]...};
#pragma omp simd
  for (long i = 0; i < n; ++i) y[i] = ((kAdd ? y[i] : real{0}) + ... + (factor[T] * from[T][i]));
}

template <size_t kTaps>
void filter_some(long n, const real* x, const long* offset, const real* w, bool add, real* y) {
  constexpr std::make_index_sequence<kTaps> taps;
  add ? filter<true>(taps, n, x, offset, w, y) : filter<false>(taps, n, x, offset, w, y);
}

void filter(long taps, long n, const real* x, const long* offset, const real* w, bool add, real* y) {
  if (taps == 0 && !add) std::fill_n(y, n, real{0});
  for (long done = 0, step = 0; done < taps; done += step, add = true) {
    const long left = taps - done;
    step = left >= 9 ? 9 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    const auto run = step == 9   ? filter_some<9>
                     : step == 4 ? filter_some<4>
                     : step == 2 ? filter_some<2>
                                 : filter_some<1>;
    run(n, x, offset + done, w + done, add, y);
  }
}

// sums[order[t]] += the sum over i of dy[i] * x[offset[t] + i].
template <size_t kTaps>
void correlate(long n, const real* dy, const real* x, const long* offset, const long* order, real* sums) {
  real lanes[kTaps][kLanes] = {};
  for (long i = 0; i < n; i += kLanes) {
    for (size_t t = 0; t < kTaps; ++t) {
      const real* from = x + offset[t] + i;
      for (long k = 0; k < kLanes; ++k) lanes[t][k] += dy[i + k] * from[k];
    }
  }
  for (size_t t = 0; t < kTaps; ++t) sums[order[t]] += std::accumulate(lanes[t], lanes[t] + kLanes, real{0});
}

// Copies the elements of a plane to their places in the arrays.
template <typename Lines>
void put(const Lines& lines, long stride, const real* plane, real* arrays) {
  for (const auto& line : lines) {
    const real* from = plane + line.plane;
    real* to = arrays + line.array;
    if (stride == 1) {
      std::copy_n(from, line.count, to);
    } else {
      for (long i = 0; i < line.count; ++i) to[i] = from[i * stride];
    }
  }
}

// The number of places along an axis in each array.
long array_size(const Patches& patches, size_t a) {
  const Windows& w = patches.windows;
  return patches.output[a] + (w.kernel[a] - 1) * w.dilation[a] / w.stride[a];
}

}  // namespace

bool Depthwise::fits(const Patches& patches) {
  constexpr long kMaxArrays = 1L << 20, kMaxElements = 1L << 40;
  const Windows& w = patches.windows;
  long arrays = 1, elements = 1;
  for (size_t a = 0; a < w.kernel.size(); ++a) {
    if (w.stride[a] > w.extent(static_cast<int>(a))) return false;
    const long size = array_size(patches, a);
    if (w.stride[a] > kMaxArrays / arrays || size > kMaxElements / elements) return false;
    arrays *= w.stride[a];
    elements *= size;
  }
  return !w.kernel.empty();
}

Depthwise::Depthwise(const Patches& patches, long kernels)
    : kernels_(kernels),
      stride_(patches.windows.stride.back()),
      x_count_(patches.image_count() / patches.channels),
      y_count_(patches.columns()) {
  const Windows& w = patches.windows;
  const size_t axes = w.kernel.size();
  std::vector<long> array(axes), steps(axes);
  long arrays = 1, reach = 0;  // reach: distance from the first element of a kernel to the last
  positions_ = windows_ = taps_ = 1;
  for (size_t a = axes; a-- > 0;) {
    array[a] = array_size(patches, a);
    steps[a] = positions_;
    taps_ *= w.kernel[a];
    reach += (w.kernel[a] - 1) * w.dilation[a] / w.stride[a] * steps[a];
    windows_ += (patches.output[a] - 1) * positions_;
    positions_ *= array[a];
    arrays *= w.stride[a];
  }
  windows_ = rounded(windows_);
  array_step_ = rounded(positions_) + kLanes;
  positions_ = rounded(positions_);
  room_ = rounded(reach);
  arrays_count_ = arrays * array_step_;
  map_count_ = room_ + positions_;
  weights_count_ = rounded(taps_);
  if (PlannedMemory::on()) return;
  list_elements(patches, steps);
  const std::vector<long> ones(axes, 1), zeros(axes, 0);
  x_lines_ = list_lines(patches.input, w.stride, w.pad, array, steps);
  y_lines_ = list_lines(patches.output, ones, zeros, array, steps);
  all_reached_ = x_count_ == std::accumulate(x_lines_.begin(), x_lines_.end(), 0L,
                                             [](long sum, const Line& line) { return sum + line.count; });
}

void Depthwise::list_elements(const Patches& patches, const std::vector<long>& steps) {
  const Windows& w = patches.windows;
  struct Element {
    long array, position, place;
  };
  std::vector<Element> elements;
  long arrays = 1;
  for (const long stride : w.stride) arrays *= stride;
  for (long place = 0; place < taps_; ++place) {
    Element e{0, 0, place};
    long rest = place, scale = 1;
    for (size_t a = w.kernel.size(); a-- > 0; rest /= w.kernel[a], scale *= w.stride[a]) {
      const long distance = rest % w.kernel[a] * w.dilation[a];
      e.array += distance % w.stride[a] * scale;
      e.position += distance / w.stride[a] * steps[a];
    }
    elements.push_back(e);
  }
  std::stable_sort(elements.begin(), elements.end(),
                   [](const Element& a, const Element& b) { return a.array < b.array; });
  for (const Element& e : elements) {
    while (static_cast<long>(first_.size()) <= e.array) first_.push_back(static_cast<long>(order_.size()));
    order_.push_back(e.place);
    offset_.push_back(e.array * array_step_ + e.position);
    back_.push_back(-e.position);
  }
  first_.resize(static_cast<size_t>(arrays) + 1, taps_);
}

// The places of a plane's elements in the arrays: padded coordinate i is at i / stride of array i % stride.
std::vector<Depthwise::Line> Depthwise::list_lines(const std::vector<long>& sizes, const std::vector<long>& stride,
                                                   const std::vector<long>& pad, const std::vector<long>& array,
                                                   const std::vector<long>& steps) const {
  std::vector<Line> lines;
  const size_t last = sizes.size() - 1;
  const long rows = std::accumulate(sizes.begin(), sizes.end() - 1, 1L, std::multiplies<>());
  const long s = stride[last], p = pad[last];
  for (long row = 0; row < rows; ++row) {
    long rest = row, scale = s, of = 0, position = 0;
    bool inside = true;
    for (size_t a = last; a-- > 0; rest /= sizes[a], scale *= stride[a]) {
      const long i = rest % sizes[a] + pad[a];
      inside = inside && i / stride[a] < array[a];
      of += i % stride[a] * scale;
      position += i / stride[a] * steps[a];
    }
    for (long phase = 0; inside && phase < s; ++phase) {
      const long i = ((phase - p) % s + s) % s, place = (i + p) / s;  // the first element of this array in the row
      const long count = std::min((sizes[last] - i + s - 1) / s, array[last] - place);
      if (count > 0) lines.push_back({(of + phase) * array_step_ + position + place, row * sizes[last] + i, count});
    }
  }
  return lines;
}

void Depthwise::clear(real* memory) const { std::fill_n(memory, this->memory(), real{0}); }

const real* Depthwise::sorted(const real* w, real* memory) const {
  real* to = memory + arrays_count_ + map_count_;
  for (size_t t = 0; t < order_.size(); ++t) to[t] = w[order_[t]];
  return to;
}

void Depthwise::forward(const real* x, const real* w, const real* b, real* y, real* memory) const {
  real* map = memory + arrays_count_;
  put(x_lines_, stride_, x, memory);
  for (long k = 0; k < kernels_; ++k, y += y_count_) {
    filter(taps_, windows_, memory, offset_.data(), sorted(w + k * taps_, memory), false, map);
    const real bias = b ? b[k] : real{0};
    for (const Line& line : y_lines_) {
      for (long i = 0; i < line.count; ++i) y[line.plane + i] = map[line.array + i] + bias;
    }
  }
}

void Depthwise::backward_data(const real* dy, const real* w, real* dx, real* memory) const {
  real* map = memory + arrays_count_ + room_;
  for (long k = 0; k < kernels_; ++k) {
    put(y_lines_, 1, dy + k * y_count_, map);
    const real* factors = sorted(w + k * taps_, memory);
    for (size_t a = 0; a + 1 < first_.size(); ++a) {
      const long first = first_[a];
      filter(first_[a + 1] - first, positions_, map, back_.data() + first, factors + first, k > 0,
             memory + static_cast<long>(a) * array_step_);
    }
  }
  if (!all_reached_) std::fill_n(dx, x_count_, real{0});
  for (const Line& line : x_lines_) {
    const real* from = memory + line.array;
    real* to = dx + line.plane;
    for (long i = 0; i < line.count; ++i) to[i * stride_] = from[i];
  }
}

void Depthwise::backward_weights(const real* x, const real* dy, real* dw, real* memory) const {
  real* map = memory + arrays_count_;
  put(x_lines_, stride_, x, memory);
  for (long k = 0; k < kernels_; ++k, dw += taps_) {
    put(y_lines_, 1, dy + k * y_count_, map);
    for (long done = 0, step = 0; done < taps_; done += step) {
      step = taps_ - done >= 3 ? 3 : 1;
      const auto run = step == 3 ? correlate<3> : correlate<1>;
      run(windows_, map, memory, offset_.data() + done, order_.data() + done, dw);
    }
  }
}

}  // namespace crema

#include "math/pooling.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "math/shape.h"

namespace crema {

PoolingAxis cut_windows(long in, long kernel, long stride, long pad, bool ceil) {
  const long room = in + 2 * pad - kernel;
  PoolingAxis axis{in, kernel, stride, pad, 0};
  if (in == 0 || (room < 0 && !ceil)) return axis;
  axis.out = (ceil && room > 0 ? (room + stride - 1) / stride : room / stride) + 1;
  if ((axis.out - 1) * stride >= in + pad) --axis.out;
  return axis;
}

PlainPooling::PlainPooling(PoolingMethod method, long records, long channels, const PoolingAxis& h,
                           const PoolingAxis& w)
    : method_(method), records_(records), channels_(channels), h_(h), w_(w), slots_(omp_get_max_threads()) {
  check(Shape{h.in, w.in}.count() <= std::numeric_limits<int32_t>::max(), "an image of {}x{} is too large to pool",
        h.in, w.in);
  lines_.resize(slots_ * w.in);
  if (method != PoolingMethod::average) at_.resize(Shape{records, channels, h.out, w.out}.count());
  if (method != PoolingMethod::maximum) return;
  where_.resize(lines_.size());
  find_columns();
}

// For best_of_columns().
void PlainPooling::find_columns() {
  first_.resize(w_.out);
  last_.resize(w_.out);
  if (PlannedMemory::on()) return;
  for (long ow = 0; ow < w_.out; ++ow) {
    first_[ow] = static_cast<int32_t>(w_.begin(ow));
    last_[ow] = static_cast<int32_t>(w_.end(ow) - 1);
    reach_ = std::max(reach_, last_[ow] - first_[ow] + 1);
  }
}

long PlainPooling::memory() const {
  constexpr long kNumber = sizeof(real), kPlace = sizeof(int32_t);
  return lines_.size() * kNumber + (where_.size() + first_.size() + last_.size() + at_.size()) * kPlace;
}

// Calls body(plane, line, where) for every image plane; line and where hold w_.in numbers, of this thread.
template <typename Body>
void PlainPooling::for_planes(const Body& body) {
  const long planes = records_ * channels_;
  const long cost = std::max(1L, planes / slots_) * (h_.in * w_.in + h_.out * w_.out);
  parallel_for(slots_, cost, [&](long begin, long end) {
    real* line = lines_.data() + begin * w_.in;
    int32_t* where = where_.empty() ? nullptr : where_.data() + begin * w_.in;
    for (long plane = planes * begin / slots_; plane < planes * end / slots_; ++plane) body(plane, line, where);
  });
}

void PlainPooling::forward(const real* x, real* y, long record_step) {
  const long out = h_.out * w_.out, in = h_.in * w_.in;
  for_planes([&](long plane, real* line, int32_t* where) {
    real* to = y + plane / channels_ * record_step + plane % channels_ * out;
    if (method_ == PoolingMethod::average) return average_plane(x + plane * in, to, line);
    max_plane(x + plane * in, to, at_.data() + plane * out, line, where);
  });
}

void PlainPooling::backward(const real* dy, long record_step, bool add, real* dx) {
  const long out = h_.out * w_.out, in = h_.in * w_.in;
  for_planes([&](long plane, real* line, int32_t*) {
    const real* from = dy + plane / channels_ * record_step + plane % channels_ * out;
    real* to = dx + plane * in;
    if (!add) std::fill_n(to, in, real{0});
    if (method_ == PoolingMethod::average) return average_plane_backward(from, to, line);
    const int32_t* at = at_.data() + plane * out;
    for (long k = 0; k < out; ++k) to[at[k]] += from[k];
  });
}

// Down the columns first, since those loops run over contiguous memory; then along the line of the columns' maxima.
// Comparisons are written so that the first of equal numbers in row-major order wins, and so that NaN leaves `at` in
// range.
void PlainPooling::max_plane(const real* x, real* y, int32_t* at, real* line, int32_t* where) const {
  for (long oh = 0; oh < h_.out; ++oh) {
    const auto columns = static_cast<int32_t>(w_.in), top = static_cast<int32_t>(h_.begin(oh) * w_.in);
    std::copy_n(x + top, columns, line);
    std::iota(where, where + columns, top);
    for (long i = h_.begin(oh) + 1; i < h_.end(oh); ++i) {
      const real* row = x + i * w_.in;
      const auto first = static_cast<int32_t>(i * w_.in);
#pragma omp simd
      for (int32_t j = 0; j < columns; ++j) {
        const real value = row[j], old = line[j];
        const int32_t old_place = where[j];
        line[j] = value > old ? value : old;
        where[j] = value > old ? first + j : old_place;
      }
    }
    best_of_columns(line, where, y, at);
    y += w_.out;
    at += w_.out;
  }
}

// Takes all windows of a line at once, one column of each window at a time (windows without further columns take their
// last one again). So the loop becomes vector selects. Branches would take many times as long, since it cannot be
// predicted which column wins.
void PlainPooling::best_of_columns(const real* line, const int32_t* where, real* y, int32_t* at) const {
  const int32_t *first = first_.data(), *last = last_.data();
  const long windows = w_.out;
  for (long ow = 0; ow < windows; ++ow) {
    y[ow] = line[first[ow]];
    at[ow] = where[first[ow]];
  }
  for (int32_t step = 1; step < reach_; ++step) {
#pragma omp simd
    for (long ow = 0; ow < windows; ++ow) {
      const int32_t next = first[ow] + step, end = last[ow];
      const int32_t j = next < end ? next : end;  // std::min's references keep the compiler from vectorizing
      const int32_t place = where[j], old_place = at[ow];
      const real value = line[j], old = y[ow];
      const int32_t earlier = place < old_place ? place : old_place;
      const int32_t kept = value == old ? earlier : old_place;
      y[ow] = value > old ? value : old;
      at[ow] = value > old ? place : kept;
    }
  }
}

void PlainPooling::average_plane(const real* x, real* y, real* line) const {
  for (long oh = 0; oh < h_.out; ++oh) {
    std::fill_n(line, w_.in, real{0});
    for (long i = h_.begin(oh); i < h_.end(oh); ++i) {
      const real* row = x + i * w_.in;
      for (long j = 0; j < w_.in; ++j) line[j] += row[j];
    }
    for (long ow = 0; ow < w_.out; ++ow) {
      real sum = 0;
      for (long j = w_.begin(ow); j < w_.end(ow); ++j) sum += line[j];
      *y++ = sum / divisor(oh, ow);
    }
  }
}

// The reverse: first what each column receives from a line of windows, then down the columns.
void PlainPooling::average_plane_backward(const real* dy, real* dx, real* line) const {
  for (long oh = 0; oh < h_.out; ++oh) {
    std::fill_n(line, w_.in, real{0});
    for (long ow = 0; ow < w_.out; ++ow) {
      const real share = *dy++ / divisor(oh, ow);
      for (long j = w_.begin(ow); j < w_.end(ow); ++j) line[j] += share;
    }
    for (long i = h_.begin(oh); i < h_.end(oh); ++i) {
      real* row = dx + i * w_.in;
      for (long j = 0; j < w_.in; ++j) row[j] += line[j];
    }
  }
}

// Calls visit(position in the plane) for the window's elements, until it returns true.
template <typename Visit>
void PlainPooling::for_window(long oh, long ow, const Visit& visit) const {
  for (long i = h_.begin(oh); i < h_.end(oh); ++i) {
    for (long j = w_.begin(ow); j < w_.end(ow); ++j) {
      if (visit(i * w_.in + j)) return;
    }
  }
}

void PlainPooling::pick(const real* x, real* y, long record_step, const Random& random, uint64_t first) {
  const long out = h_.out * w_.out, in = h_.in * w_.in;
  for_planes([&](long plane, real*, int32_t*) {
    const real* from = x + plane * in;
    real* to = y + plane / channels_ * record_step + plane % channels_ * out;
    for (long k = 0; k < out; ++k) {
      const long oh = k / w_.out, ow = k % w_.out, i = plane * out + k;
      real sum = 0;
      for_window(oh, ow, [&](long j) {
        sum += from[j];
        return false;
      });
      real left = static_cast<real>(random.uniform(first + static_cast<uint64_t>(i))) * sum;
      long at = 0;
      for_window(oh, ow, [&](long j) {
        at = j;
        left -= from[j];
        return left <= 0;
      });
      to[k] = from[at];
      at_[i] = static_cast<int32_t>(at);
    }
  });
}

void PlainPooling::expect(const real* x, real* y, long record_step) {
  const long out = h_.out * w_.out, in = h_.in * w_.in;
  for_planes([&](long plane, real*, int32_t*) {
    const real* from = x + plane * in;
    real* to = y + plane / channels_ * record_step + plane % channels_ * out;
    for (long k = 0; k < out; ++k) {
      real sum = 0, squares = 0;
      for_window(k / w_.out, k % w_.out, [&](long j) {
        sum += from[j];
        squares += from[j] * from[j];
        return false;
      });
      to[k] = sum > 0 ? squares / sum : 0;
    }
  });
}

}  // namespace crema

// Pooling over two spatial axes without the engine, on raw pointers in plain layouts.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/random.h"
#include "math/buffer.h"

namespace crema {

// One spatial axis: window k covers [k * stride - pad, k * stride - pad + kernel) of an axis of `in` elements that
// starts at 0; what lies outside is padding. Every window reaches at least one element: pad < kernel, and the last one
// starts before in + pad.
struct PoolingAxis {
  long in, kernel, stride, pad, out;

  // The elements that window k covers.
  long begin(long k) const { return std::max(k * stride - pad, 0L); }
  long end(long k) const { return std::min(k * stride - pad + kernel, in); }
  // The length that an average divides by: padding counts, what lies beyond it does not.
  long divisor(long k) const { return std::min(kernel, in + pad - (k * stride - pad)); }
  // How far the last window reaches beyond the padding on the far side.
  long overhang() const { return std::max((out - 1) * stride + kernel - in - 2 * pad, 0L); }
};

// Windows along one axis. With `ceil`, the last may reach beyond the padding, but each starts before it. `out` is 0
// where none fits.
PoolingAxis cut_windows(long in, long kernel, long stride, long pad, bool ceil);

enum class PoolingMethod { maximum, average, stochastic };

// From `planes` planes of h.in x w.in elements to as many of h.out x w.out. The planes of y may lie in groups: those of
// a record side by side, and records `record_step` elements apart.
class PlainPooling {
 public:
  PlainPooling() = default;
  // Throws Error if a plane is too large.
  PlainPooling(PoolingMethod method, long records, long channels, const PoolingAxis& h, const PoolingAxis& w);

  // Elements of a record of y.
  long record_count() const { return channels_ * h_.out * w_.out; }

  void forward(const real* x, real* y, long record_step);  // not for stochastic pooling
  // Stochastic pooling in training. Output i, counted over all outputs, takes random number first + i.
  void pick(const real* x, real* y, long record_step, const Random& random, uint64_t first);
  // Stochastic pooling in test: sum x^2 / sum x.
  void expect(const real* x, real* y, long record_step);

  // Belongs to the last forward() or pick(). Overwrites dx, or adds to it.
  void backward(const real* dy, long record_step, bool add, real* dx);

  // The memory that it keeps, in bytes.
  long memory() const;

  // Not for average pooling: which element of its plane each output came from, record by record.
  const BufferOf<int32_t>& places() const { return at_; }

 private:
  template <typename Body>
  void for_planes(const Body& body);
  void find_columns();
  void max_plane(const real* x, real* y, int32_t* at, real* line, int32_t* where) const;
  void best_of_columns(const real* line, const int32_t* where, real* y, int32_t* at) const;
  void average_plane(const real* x, real* y, real* line) const;
  void average_plane_backward(const real* dy, real* dx, real* line) const;
  template <typename Visit>
  void for_window(long oh, long ow, const Visit& visit) const;
  real divisor(long oh, long ow) const { return static_cast<real>(h_.divisor(oh)) * static_cast<real>(w_.divisor(ow)); }

  PoolingMethod method_ = PoolingMethod::maximum;
  long records_ = 0, channels_ = 0;
  PoolingAxis h_{}, w_{};
  long slots_ = 1;                  // parts of the work that may run at once
  Buffer lines_;                    // for each of them a line of numbers,
  BufferOf<int32_t> where_;         // and, for maximum, where in the plane they stand
  BufferOf<int32_t> first_, last_;  // maximum: the columns with which each window of a line begins and ends,
  int32_t reach_ = 0;               // and the largest number of columns in one
  BufferOf<int32_t> at_;            // see places()
};

}  // namespace crema

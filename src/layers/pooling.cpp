// Pooling:  y = the largest (MAX), the mean (AVE) or a randomly picked (STOCHASTIC) element of each window of x.
// bottom[0] x: (N, C, H, W).  top[0] y: (N, C, outputs of H, outputs of W).  No parameters.
// top[1], MAX only: where in its H x W plane each maximum was found; takes no gradient.
// Rejects a pad that reaches the kernel's size, and windows that do not fit.
// STOCHASTIC, for x >= 0 without padding, picks x with probability x / sum while training, else y = sum x^2 / sum x
// (Zeiler and Fergus, 2013, arXiv:1301.3557).
#include <cstdint>
#include <limits>
#include <numeric>

#include "base/parallel.h"
#include "core/layer.h"
#include "core/window_fields.h"
#include "math/engine_pooling.h"

namespace crema {
namespace {

// Windows along one axis. With `ceil`, the last may reach beyond the padding, but each starts before it.
PoolingAxis cut(long in, long kernel, long stride, long pad, bool ceil) {
  const long room = in + 2 * pad - kernel;
  PoolingAxis axis{in, kernel, stride, pad, 0};
  if (in == 0 || (room < 0 && !ceil)) return axis;
  axis.out = (ceil && room > 0 ? (room + stride - 1) / stride : room / stride) + 1;
  if ((axis.out - 1) * stride >= in + pad) --axis.out;
  return axis;
}

class Pooling final : public Layer {
 public:
  explicit Pooling(const LayerParameter& config)
      : config_(config.pooling_param()), windows_(WindowFields(config_).windows(2)) {
    const PoolingParameter& p = config_;
    const bool has_kernel = p.has_kernel_size() || p.has_kernel_h();
    const std::vector<long>&kernel = windows_.kernel, &pad = windows_.pad;
    const bool padded = pad[0] > 0 || pad[1] > 0;
    if (p.global_pooling()) {
      check(!has_kernel, "global_pooling takes the whole image: a kernel makes no sense");
      check(!padded && windows_.stride == std::vector<long>{1, 1}, "global_pooling goes with pad 0 and stride 1 alone");
      return;
    }
    check(has_kernel, "no kernel_size is given (nor kernel_h and kernel_w, nor global_pooling)");
    check(pad[0] < kernel[0] && pad[1] < kernel[1], "the pad, {}, must be smaller than the kernel, {}",
          fmt::join(pad, "x"), fmt::join(kernel, "x"));
    check(!padded || p.pool() != PoolingParameter::STOCHASTIC, "STOCHASTIC knows no padding; the pad is {}",
          fmt::join(pad, "x"));
  }

  Contract contract() const override { return Contract().tops(1, config_.pool() == PoolingParameter::MAX ? 2 : 1); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Blob& x = *bottom[0];
    if (!(x.shape() == shape_) || x.layout() != layout_ || top.size() != tops_) prepare(x, top.size());
    const Layout layout = engine_ ? x.layout() : Layout::plain;
    takes(0, layout);
    const Shape y{x.dim(0), x.dim(1), h_.out, w_.out};
    top[0]->reshape(y, layout);
    if (top.size() > 1) top[1]->reshape(y);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    if (engine_) return engine_->forward(x, y);
    for_planes([&](long plane, real* line, int32_t* where) {
      const real* from = x + plane * h_.in * w_.in;
      const long to = plane * h_.out * w_.out;
      switch (config_.pool()) {
        case PoolingParameter::MAX:
          max_plane(from, y + to, at_.data() + to, line, where);
          break;
        case PoolingParameter::AVE:
          average_plane(from, y + to, line);
          break;
        case PoolingParameter::STOCHASTIC:
          pick_plane(from, y + to, to);
          break;
      }
    });
    if (top.size() > 1) std::copy(at_.begin(), at_.end(), top[1]->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    check(config_.pool() != PoolingParameter::STOCHASTIC || pass().phase == TRAIN,
          "STOCHASTIC has a gradient while training alone");
    const real* dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    if (engine_) return engine_->backward(dy, dx);
    for_planes([&](long plane, real* line, int32_t*) {
      real* to = dx + plane * h_.in * w_.in;
      const long from = plane * h_.out * w_.out;
      std::fill_n(to, h_.in * w_.in, real{0});
      if (config_.pool() == PoolingParameter::AVE) return average_plane_backward(dy + from, to, line);
      for (long k = from; k < from + h_.out * w_.out; ++k) to[at_[k]] += dy[k];
    });
  }

  std::string implementation() const override { return engine_ ? engine_->implementation() : "plain"; }

 private:
  void prepare(const Blob& x, size_t tops) {
    check(x.axes() == 4, "the bottom has {} axes (shape {}); pooling works on 4: N C H W", x.axes(), x.shape().str());
    shape_ = Shape();  // nothing is ready until the end is reached
    h_ = cut_axis(x, 0);
    w_ = cut_axis(x, 1);
    check(h_.out > 0 && w_.out > 0, "kernel {}x{} is larger than the padded input {}x{}", h_.kernel, w_.kernel,
          h_.in + 2 * h_.pad, w_.in + 2 * w_.pad);
    check(x.dim(2) * x.dim(3) <= std::numeric_limits<int32_t>::max(), "an image of {}x{} is too large to pool",
          x.dim(2), x.dim(3));
    planes_ = x.dim(0) * x.dim(1);
    const bool max = config_.pool() == PoolingParameter::MAX, average = config_.pool() == PoolingParameter::AVE;
    engine_ = nullptr;
    if (use_engine() && config_.engine() != PoolingParameter::CAFFE && tops == 1 && (max || average)) {
      const auto method = max ? EnginePooling::Method::maximum : EnginePooling::Method::average;
      engine_ = EnginePooling::create(method, x.shape(), x.layout(), h_, w_);
    }
    if (!engine_) {
      slots_ = omp_get_max_threads();
      lines_.resize(static_cast<size_t>(slots_ * w_.in));
      where_.resize(max ? lines_.size() : 0);
      if (max) find_columns();
      at_.resize(average ? 0 : static_cast<size_t>(Shape{planes_, h_.out, w_.out}.count()));
    }
    shape_ = x.shape();
    layout_ = x.layout();
    tops_ = tops;
  }

  PoolingAxis cut_axis(const Blob& x, int a) const {
    const long in = x.dim(2 + a), kernel = config_.global_pooling() ? in : windows_.kernel[a];
    return cut(in, kernel, windows_.stride[a], windows_.pad[a], config_.round_mode() == PoolingParameter::CEIL);
  }

  // For best_of_columns().
  void find_columns() {
    first_.clear();
    last_.clear();
    reach_ = 0;
    for (long ow = 0; ow < w_.out; ++ow) {
      first_.push_back(static_cast<int32_t>(w_.begin(ow)));
      last_.push_back(static_cast<int32_t>(w_.end(ow) - 1));
      reach_ = std::max(reach_, last_.back() - first_.back() + 1);
    }
  }

  // Calls body(plane, line, where) for every image plane; line and where hold w_.in numbers, of this thread.
  template <typename Body>
  void for_planes(const Body& body) {
    const long cost = planes_ / slots_ * (h_.in * w_.in + h_.out * w_.out);
    parallel_for(slots_, cost, [&](long begin, long end) {
      real* line = lines_.data() + begin * w_.in;
      int32_t* where = where_.empty() ? nullptr : where_.data() + begin * w_.in;
      for (long plane = planes_ * begin / slots_; plane < planes_ * end / slots_; ++plane) body(plane, line, where);
    });
  }

  // Down the columns first, since those loops run over contiguous memory; then along the line of the columns' maxima.
  // Every comparison is such that of equal numbers the first in row-major order wins, and that NaN leaves `at` in
  // range.
  void max_plane(const real* x, real* y, int32_t* at, real* line, int32_t* where) const {
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

  // All windows of a line at once, one more column of each at a time (those that are done see their last one again):
  // the loop becomes vector selects. Which column wins cannot be predicted, so that branches would take many times as
  // long.
  void best_of_columns(const real* line, const int32_t* where, real* y, int32_t* at) const {
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

  void average_plane(const real* x, real* y, real* line) const {
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

  // The other way around: what each column receives from a line of windows, then down the columns.
  void average_plane_backward(const real* dy, real* dx, real* line) const {
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

  real divisor(long oh, long ow) const { return static_cast<real>(h_.divisor(oh)) * static_cast<real>(w_.divisor(ow)); }

  // first: the number of the plane's first window among all of the batch, the key of its random numbers.
  void pick_plane(const real* x, real* y, long first) {
    const Random random = this->random("pooling");
    for (long k = 0; k < h_.out * w_.out; ++k) {
      const long oh = k / w_.out, ow = k % w_.out;
      real sum = 0, squares = 0;
      for_window(oh, ow, [&](long i) {
        sum += x[i];
        squares += x[i] * x[i];
        return false;
      });
      if (pass().phase == TEST) {
        y[k] = sum > 0 ? squares / sum : 0;
        continue;
      }
      real left = static_cast<real>(random.uniform(static_cast<uint64_t>(first + k))) * sum;
      long at = 0;
      for_window(oh, ow, [&](long i) {
        at = i;
        left -= x[i];
        return left <= 0;
      });
      y[k] = x[at];
      at_[first + k] = static_cast<int32_t>(at);
    }
  }

  // Calls visit(position in the plane) for the window's elements, until it returns true.
  template <typename Visit>
  void for_window(long oh, long ow, const Visit& visit) const {
    for (long i = h_.begin(oh); i < h_.end(oh); ++i) {
      for (long j = w_.begin(ow); j < w_.end(ow); ++j) {
        if (visit(i * w_.in + j)) return;
      }
    }
  }

  PoolingParameter config_;
  Windows windows_;
  Shape shape_;  // of the bottom, its layout and the number of tops that what follows was made for
  Layout layout_ = Layout::plain;
  size_t tops_ = 0;
  PoolingAxis h_, w_;
  long planes_ = 0;
  std::unique_ptr<EnginePooling> engine_;
  long slots_ = 1;                     // plain path: parts of the work that may run at once
  std::vector<real> lines_;            // for each of them a line of numbers,
  std::vector<int32_t> where_;         // and, for MAX, where in the plane they stand
  std::vector<int32_t> first_, last_;  // MAX: the columns with which each window of a line begins and ends,
  int32_t reach_ = 0;                  // and the largest number of columns in one
  std::vector<int32_t> at_;            // MAX, STOCHASTIC: which element of its plane each output is
};

const RegisterLayer<Pooling> registered("Pooling", "pooling_param");

}  // namespace
}  // namespace crema

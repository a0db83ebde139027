// LRN:  y = x s^-beta,  s = k + alpha / n * the sum of x^2 over a window around the place; n: places in a whole window.
// bottom[0] x: (N, C, H, W).  top[0] y: the shape of x.  No parameters.
// ACROSS_CHANNELS: the window is local_size channels at one pixel.  WITHIN_CHANNEL: local_size x local_size pixels of
// one channel, and k is 1 whatever the file says, as in Caffe. Beyond the edges x is 0.  Rejects an even local_size.
// Krizhevsky et al., 2012, "ImageNet Classification with Deep Convolutional Neural Networks".
#include <cmath>

#include "base/parallel.h"
#include "core/layer.h"

namespace crema {
namespace {

constexpr long kTile = 256;  // pixels of all channels that are worked on at once, so that a window's rows stay in cache

// s^-beta; 3/4, the usual exponent, by roots.
struct ByRoots {
  real operator()(real s) const {
    const real root = std::sqrt(s);
    return 1 / (root * std::sqrt(root));
  }
};
struct ByPower {
  real beta;
  real operator()(real s) const { return std::pow(s, -beta); }
};

class Lrn final : public Layer {
 public:
  explicit Lrn(const LayerParameter& config)
      : across_(config.lrn_param().norm_region() == LRNParameter::ACROSS_CHANNELS),
        size_(config.lrn_param().local_size()),
        k_(across_ ? config.lrn_param().k() : 1),
        beta_(config.lrn_param().beta()) {
    check(size_ % 2 == 1, "local_size is {}; it must be odd", size_);
    const auto size = static_cast<double>(size_);
    share_ = static_cast<real>(static_cast<double>(config.lrn_param().alpha()) / (across_ ? size : size * size));
  }

  // s is computed anew in backward: that takes less time than to write it and to read it back.
  Contract contract() const override { return Contract().reads_bottom_data(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    check(shape.axes() == 4, "bottom 0 ({}) has {} axes; LRN needs 4: N, C, H, W", shape.str(), shape.axes());
    records_ = shape[0], channels_ = shape[1], height_ = shape[2], width_ = shape[3];
    const long reach = size_ / 2;
    reach_ = std::min(reach, across_ ? channels_ : std::max(height_, width_));
    top[0]->reshape(shape);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    with_power([&](const auto& power) { across_ ? across(power, x, y) : within(power, x, y); });
  }

  // dx = s^-beta dy - 2 beta alpha / n x * the sum of dy x s^(-beta - 1) over the same window.
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    with_power(
        [&](const auto& power) { across_ ? across_gradient(power, x, dy, dx) : within_gradient(power, x, dy, dx); });
  }

 private:
  template <typename Body>
  void with_power(const Body& body) const {
    if (beta_ == static_cast<real>(0.75)) {
      body(ByRoots());
    } else {
      body(ByPower{beta_});
    }
  }

  // Calls body(first element of channel 0, pixels, room) for tiles that cover all images; room: `numbers` of them.
  template <typename Body>
  void for_tiles(long numbers, const Body& body) {
    const long pixels = height_ * width_, tiles = (pixels + kTile - 1) / kTile, jobs = records_ * tiles;
    const long slots = std::max(1L, std::min<long>(omp_get_max_threads(), jobs));
    real* room = scratch(slots * numbers);
    parallel_for(slots, jobs / slots * channels_ * kTile * 8, [&](long begin, long end) {
      for (long slot = begin; slot < end; ++slot) {
        for (long job = jobs * slot / slots; job < jobs * (slot + 1) / slots; ++job) {
          const long first = pixels * (job % tiles) / tiles, last = pixels * (job % tiles + 1) / tiles;
          body(job / tiles * channels_ * pixels + first, last - first, room + slot * numbers);
        }
      }
    });
  }

  // Sums are kept in double: what enters a window leaves it again without a trace.
  static void add_squares(const real* x, long n, double sign, double* sums) {
#pragma omp simd
    for (long i = 0; i < n; ++i) sums[i] += sign * static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }

  template <typename Power>
  void across(const Power& power, const real* x, real* y) {
    const long pixels = height_ * width_;
    for_tiles(0, [&](long base, long n, real*) {
      double sums[kTile] = {};
      for (long c = 0; c < std::min(reach_, channels_); ++c) add_squares(x + base + c * pixels, n, 1, sums);
      for (long c = 0; c < channels_; ++c) {
        slide(x + base, c, pixels, n, sums);
        const real *from = x + base + c * pixels, k = k_, share = share_;
        real* to = y + base + c * pixels;
#pragma omp simd
        for (long i = 0; i < n; ++i) to[i] = from[i] * power(k + share * static_cast<real>(sums[i]));
      }
    });
  }

  // From the window around channel c - 1 to that around c.
  void slide(const real* x, long c, long pixels, long n, double* sums) const {
    if (c + reach_ < channels_) add_squares(x + (c + reach_) * pixels, n, 1, sums);
    if (c - reach_ - 1 >= 0) add_squares(x + (c - reach_ - 1) * pixels, n, -1, sums);
  }

  // Two windows slide in one pass: that of the squares runs ahead of that of dy x s^(-beta - 1), so that what the
  // latter takes in is there. The rows between are kept in a ring.
  template <typename Power>
  void across_gradient(const Power& power, const real* x, const real* dy, real* dx) {
    const long pixels = height_ * width_, rows = 2 * reach_ + 2;
    for_tiles(2 * rows * kTile, [&](long base, long n, real* room) {
      const auto ratios = [&](long c) { return room + c % rows * kTile; };
      const auto powers = [&](long c) { return room + (rows + c % rows) * kTile; };
      double squares[kTile] = {}, sums[kTile] = {};
      for (long c = 0; c < std::min(reach_, channels_); ++c) add_squares(x + base + c * pixels, n, 1, squares);
      for (long ahead = 0; ahead < channels_ + reach_; ++ahead) {
        if (ahead < channels_) {
          slide(x + base, ahead, pixels, n, squares);
          const long at = base + ahead * pixels;
          measure(power, x + at, dy + at, n, squares, ratios(ahead), powers(ahead), sums);
        }
        const long c = ahead - reach_;
        if (c < 0) continue;
        if (c - reach_ - 1 >= 0) subtract(ratios(c - reach_ - 1), n, sums);
        finish(x + base + c * pixels, dy + base + c * pixels, powers(c), n, sums, dx + base + c * pixels);
      }
    });
  }

  // The row's s^-beta and dy x s^(-beta - 1); the latter enters the sums.
  template <typename Power>
  void measure(const Power& power, const real* x, const real* dy, long n, const double* squares, real* ratio,
               real* powers, double* sums) const {
    const real k = k_, share = share_;
#pragma omp simd
    for (long i = 0; i < n; ++i) {
      const real s = k + share * static_cast<real>(squares[i]), p = power(s);
      powers[i] = p;
      ratio[i] = dy[i] * x[i] * p / s;
      sums[i] += static_cast<double>(ratio[i]);
    }
  }

  static void subtract(const real* ratio, long n, double* sums) {
#pragma omp simd
    for (long i = 0; i < n; ++i) sums[i] -= static_cast<double>(ratio[i]);
  }

  void finish(const real* x, const real* dy, const real* powers, long n, const double* sums, real* dx) const {
    const real factor = 2 * beta_ * share_;
#pragma omp simd
    for (long i = 0; i < n; ++i) dx[i] = powers[i] * dy[i] - factor * x[i] * static_cast<real>(sums[i]);
  }

  // Calls body(first element, room) for each image plane; room: `numbers` of them.
  template <typename Body>
  void for_planes(long numbers, const Body& body) {
    const long planes = records_ * channels_, pixels = height_ * width_;
    const long slots = std::max(1L, std::min<long>(omp_get_max_threads(), planes));
    real* room = scratch(slots * numbers);
    parallel_for(slots, planes / slots * pixels * (8 + 2 * reach_), [&](long begin, long end) {
      for (long slot = begin; slot < end; ++slot) {
        for (long plane = planes * slot / slots; plane < planes * (slot + 1) / slots; ++plane) {
          body(plane * pixels, room + slot * numbers);
        }
      }
    });
  }

  // Calls row(h, sums) for each line of a plane with the sums of term(pixel) over the windows around its pixels. line:
  // room for width + 2 reach numbers: a column's sum over the window's lines, between zeros; sums: for width.
  template <typename Term, typename Row>
  void for_windows(real* line, real* sums, const Term& term, const Row& row) const {
    std::fill_n(line, width_ + 2 * reach_, real{0});
    real* columns = line + reach_;
    for (long h = 0; h < height_; ++h) {
      std::fill_n(columns, width_, real{0});
      for (long r = std::max(0L, h - reach_); r <= std::min(height_ - 1, h + reach_); ++r) {
#pragma omp simd
        for (long w = 0; w < width_; ++w) columns[w] += term(r * width_ + w);
      }
      std::fill_n(sums, width_, real{0});
      for (long k = 0; k <= 2 * reach_; ++k) {
#pragma omp simd
        for (long w = 0; w < width_; ++w) sums[w] += line[w + k];
      }
      row(h, sums);
    }
  }

  template <typename Power>
  void within(const Power& power, const real* x, real* y) {
    const long line = width_ + 2 * reach_;
    for_planes(line + width_, [&](long base, real* room) {
      const real* from = x + base;
      for_windows(
          room, room + line, [=](long i) { return from[i] * from[i]; },
          [&](long h, const real* sums) {
            const real *in = from + h * width_, share = share_;
            real* out = y + base + h * width_;
#pragma omp simd
            for (long w = 0; w < width_; ++w) out[w] = in[w] * power(1 + share * sums[w]);
          });
    });
  }

  template <typename Power>
  void within_gradient(const Power& power, const real* x, const real* dy, real* dx) {
    const long line = width_ + 2 * reach_, pixels = height_ * width_;
    for_planes(line + width_ + 2 * pixels, [&](long base, real* room) {
      real *sums_room = room + line, *ratios = sums_room + width_, *powers = ratios + pixels;
      const real *from = x + base, *slope = dy + base, share = share_, factor = 2 * beta_ * share_;
      for_windows(
          room, sums_room, [=](long i) { return from[i] * from[i]; },
          [&](long h, const real* sums) {
            const long first = h * width_;
#pragma omp simd
            for (long w = 0; w < width_; ++w) {
              const real s = 1 + share * sums[w], p = power(s);
              powers[first + w] = p;
              ratios[first + w] = slope[first + w] * from[first + w] * p / s;
            }
          });
      for_windows(
          room, sums_room, [=](long i) { return ratios[i]; },
          [&](long h, const real* sums) {
            const long first = h * width_;
            real* to = dx + base + first;
#pragma omp simd
            for (long w = 0; w < width_; ++w) {
              to[w] = powers[first + w] * slope[first + w] - factor * from[first + w] * sums[w];
            }
          });
    });
  }

  bool across_;
  long size_;
  real k_, beta_, share_ = 0;  // share: alpha / n
  long records_ = 0, channels_ = 0, height_ = 0, width_ = 0;
  long reach_ = 0;  // of a window to either side
};

const RegisterLayer<Lrn> registered("LRN", "lrn_param");

}  // namespace
}  // namespace crema

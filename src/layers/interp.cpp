// Interp:  y[i, j] = x at (i (H - 1) / (H' - 1), j (W - 1) / (W' - 1)), bilinear: the corners of x and y coincide.
// bottom[0] x: (N, C, ., .), of which H x W places are left when -pad_beg rows and columns are cut off at the beginning
// and -pad_end at the end.  bottom[1], optional: gives the size (its last two axes); its gradient is 0.
// top[0] y: (N, C, H', W'), of size height x width, or H shrunk to h = (H - 1) / shrink_factor + 1 and zoomed to
// h + (h - 1) (zoom_factor - 1), so W. No parameters. Rejects none or several of these ways to say a size, pad > 0.
// Chen et al., 2014, arXiv:1412.7062 (forks of DeepLab, PSPNet).
#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/parallel.h"
#include "core/layer.h"

namespace crema {
namespace {

// The place of each output between two inputs of an axis.
struct Between {
  BufferOf<int32_t> low, high;
  Buffer weight;  // of high; low has 1 - weight
};

class Interp final : public Layer {
 public:
  explicit Interp(const LayerParameter& config) : config_(config.interp_param()) {
    const InterpParameter& p = config_;
    check(p.pad_beg() <= 0 && p.pad_end() <= 0,
          "pad_beg and pad_end are {} and {}; they cut off, and must be 0 or less", p.pad_beg(), p.pad_end());
    check(p.has_height() == p.has_width(), "height and width belong together; only one of them is given");
    check(!p.has_height() || (p.height() > 0 && p.width() > 0), "height and width are {} and {}; they must be positive",
          p.height(), p.width());
    check(p.zoom_factor() > 0 && p.shrink_factor() > 0,
          "zoom_factor and shrink_factor are {} and {}; expected 1 or more", p.zoom_factor(), p.shrink_factor());
    ways_ = (p.has_height() ? 1 : 0) + (p.has_zoom_factor() || p.has_shrink_factor() ? 1 : 0);
  }

  Contract contract() const override { return Contract().bottoms(1, 2).shape_from({1}); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    check(x.axes() == 4, "the bottom has {} axes (shape {}); Interp works on 4: N C H W", x.axes(), x.str());
    const bool like = bottom.size() > 1;
    check(ways_ + (like ? 1 : 0) == 1,
          "{} of height and width, the factors, and a second bottom give the size; expected one",
          ways_ + (like ? 1 : 0));
    check(!like || bottom[1]->axes() == 4, "bottom 1, which gives the size, has {} axes; expected 4: N C H W",
          like ? bottom[1]->axes() : 0);
    begin_ = -static_cast<long>(config_.pad_beg());
    const long cut = begin_ - config_.pad_end(), h = x[2] - cut, w = x[3] - cut;
    check(h > 0 && w > 0, "of {}x{} places nothing is left when {} rows and columns are cut off", x[2], x[3], cut);
    const long out_h = like ? bottom[1]->dim(2) : config_.has_height() ? config_.height() : by_factors(h);
    const long out_w = like ? bottom[1]->dim(3) : config_.has_height() ? config_.width() : by_factors(w);
    check(std::max({x[2], x[3], out_h, out_w}) <= std::numeric_limits<int32_t>::max(),
          "from {}x{} to {}x{}: such an image is too large", x[2], x[3], out_h, out_w);
    if (like) takes(1, bottom[1]->layout());
    top[0]->reshape({x[0], x[1], out_h, out_w});
    planes_ = x[0] * x[1];
    find_between(h, out_h, rows_);
    find_between(w, out_w, columns_);
  }

  // Interpolates between two rows first, since that loop runs over contiguous memory.
  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    const long width = bottom[0]->dim(3), height = bottom[0]->dim(2), out_h = top[0]->dim(2), out_w = top[0]->dim(3);
    for_planes(bottom, top, [&](long plane, real* line) {
      const real* from = x + plane * height * width;
      real* to = y + plane * out_h * out_w;
      for (long i = 0; i < out_h; ++i, to += out_w) {
        const real *low = from + rows_.low[i] * width, *high = from + rows_.high[i] * width, t = rows_.weight[i];
        for (long j = 0; j < width; ++j) line[j] = (1 - t) * low[j] + t * high[j];
        const int32_t *left = columns_.low.data(), *right = columns_.high.data();
        const real* s = columns_.weight.data();
#pragma omp simd
        for (long j = 0; j < out_w; ++j) to[j] = (1 - s[j]) * line[left[j]] + s[j] * line[right[j]];
      }
    });
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    if (!down[0]) return;
    const real* dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    const long width = bottom[0]->dim(3), height = bottom[0]->dim(2), out_h = top[0]->dim(2), out_w = top[0]->dim(3);
    for_planes(bottom, top, [&](long plane, real* line) {
      const real* from = dy + plane * out_h * out_w;
      real* to = dx + plane * height * width;
      std::fill_n(to, height * width, real{0});
      for (long i = 0; i < out_h; ++i, from += out_w) {
        std::fill_n(line, width, real{0});
        for (long j = 0; j < out_w; ++j) {
          line[columns_.low[j]] += (1 - columns_.weight[j]) * from[j];
          line[columns_.high[j]] += columns_.weight[j] * from[j];
        }
        real *low = to + rows_.low[i] * width, *high = to + rows_.high[i] * width;
        const real t = rows_.weight[i];
        for (long j = 0; j < width; ++j) low[j] += (1 - t) * line[j];
        for (long j = 0; j < width; ++j) high[j] += t * line[j];
      }
    });
  }

 private:
  long by_factors(long in) const {
    const long shrunk = (in - 1) / config_.shrink_factor() + 1;
    return shrunk + size_product(shrunk - 1, config_.zoom_factor() - 1, "the size zoomed");
  }

  // Computed in whole numbers, so that places that coincide do so exactly. Indices count from the edge before cropping.
  void find_between(long in, long out, Between& axis) const {
    axis.low.resize(out);
    axis.high.resize(out);
    axis.weight.resize(out);
    if (PlannedMemory::on()) return;
    const long steps = std::max(1L, out - 1);
    for (long k = 0; k < out; ++k) {
      const long at = k * (in - 1) / steps, rest = k * (in - 1) % steps;
      axis.low[k] = static_cast<int32_t>(begin_ + at);
      axis.high[k] = static_cast<int32_t>(begin_ + std::min(at + 1, in - 1));
      axis.weight[k] = static_cast<real>(rest) / static_cast<real>(steps);
    }
  }

  // Calls body(plane, line) for every image plane; line is the thread's memory for a row of the bottom.
  template <typename Body>
  void for_planes(const Bottoms& bottom, const Tops& top, const Body& body) {
    const long slots = omp_get_max_threads(), width = bottom[0]->dim(3);
    const long cost = (bottom[0]->count() + 4 * top[0]->count()) / slots;
    real* lines = scratch(slots * width);
    parallel_for(slots, cost, [&](long begin, long end) {
      for (long plane = planes_ * begin / slots; plane < planes_ * end / slots; ++plane) {
        body(plane, lines + begin * width);
      }
    });
  }

  InterpParameter config_;
  int ways_ = 0;    // in how many ways the message gives the size
  long begin_ = 0;  // rows and columns cut off at the beginning
  long planes_ = 0;
  Between rows_, columns_;
};

const RegisterLayer<Interp> registered("Interp", "interp_param");

}  // namespace
}  // namespace crema

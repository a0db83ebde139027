// SPP:  y = the largest (MAX), the mean (AVE) or a randomly picked (STOCHASTIC) element of each of 2^l x 2^l bins of x,
// on the levels l = 0 .. pyramid_height - 1.  bottom[0] x: (N, C, H, W).  No parameters.
// top[0] y: (N, C * (1 + 4 + 16 + ...)): the levels in order, each (C, bins, bins); of a single level (N, C, 1, 1).
// Bins are windows of ceil(size / bins) elements, side by side. Where they cover more than x, the rest is padding, half
// of it in front (rounded up), which is pooled as in Pooling.  Rejects padding that fills a bin, and any where
// STOCHASTIC picks. He et al., 2014, arXiv:1406.4729.
#include "core/layer.h"
#include "math/pooling.h"

namespace crema {
namespace {

class Spp final : public Layer {
 public:
  explicit Spp(const LayerParameter& config) : config_(config.spp_param()) {
    constexpr uint32_t kMost = 15;
    check(config_.pyramid_height() >= 1 && config_.pyramid_height() <= kMost, "pyramid_height is {}; expected 1 to {}",
          config_.pyramid_height(), kMost);
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    check(x.axes() == 4, "the bottom has {} axes (shape {}); SPP works on 4: N C H W", x.axes(), x.str());
    if (!(x == shape_)) prepare(x);
    top[0]->reshape(levels_.size() == 1 ? Shape{x[0], x[1], 1, 1} : Shape{x[0], outputs_});
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    if (shape_[0] == 0) return;
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    const Random random = this->random("pooling");
    uint64_t first = 0;  // random number of the level
    for (PlainPooling& level : levels_) {
      if (config_.pool() != SPPParameter::STOCHASTIC) {
        level.forward(x, y, outputs_);
      } else if (phase() == TRAIN) {
        level.pick(x, y, outputs_, random, first);
      } else {
        level.expect(x, y, outputs_);
      }
      y += level.record_count();
      first += static_cast<uint64_t>(shape_[0] * level.record_count());
    }
  }

  OwnMemory own_memory(bool) const override {
    OwnMemory memory;
    for (const PlainPooling& level : levels_) memory.kept += level.memory();
    return memory;
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    check(config_.pool() != SPPParameter::STOCHASTIC || phase() == TRAIN,
          "STOCHASTIC has a gradient while training alone");
    if (shape_[0] == 0) return;
    const real* dy = top[0]->diff();
    for (size_t l = 0; l < levels_.size(); ++l) {
      levels_[l].backward(dy, outputs_, l > 0, bottom[0]->mutable_diff());
      dy += levels_[l].record_count();
    }
  }

 private:
  void prepare(const Shape& x) {
    shape_ = Shape();  // invalid until everything below has succeeded
    levels_.clear();
    outputs_ = 0;
    for (uint32_t l = 0; l < config_.pyramid_height(); ++l) {
      const long bins = 1L << l;
      levels_.emplace_back(method(), x[0], x[1], cut_bins(x[2], bins), cut_bins(x[3], bins));
      outputs_ += levels_.back().record_count();
    }
    shape_ = x;
  }

  PoolingAxis cut_bins(long size, long bins) const {
    check(size > 0, "the image is empty: bottom 0 has a spatial axis of 0 elements");
    const long kernel = (size + bins - 1) / bins, pad = (kernel * bins - size + 1) / 2;
    check(pad < kernel,
          "{} bins on an axis of {} elements take {} of padding on a side, a whole bin of {}; expected a "
          "smaller pyramid_height or a larger image",
          bins, size, pad, kernel);
    check(pad == 0 || config_.pool() != SPPParameter::STOCHASTIC,
          "STOCHASTIC knows no padding, and {} bins on an axis of {} elements take {} on a side", bins, size, pad);
    return {size, kernel, kernel, pad, bins};
  }

  PoolingMethod method() const {
    switch (config_.pool()) {
      case SPPParameter::MAX:
        return PoolingMethod::maximum;
      case SPPParameter::AVE:
        return PoolingMethod::average;
      case SPPParameter::STOCHASTIC:
        break;
    }
    return PoolingMethod::stochastic;
  }

  const SPPParameter config_;
  Shape shape_;  // the bottom's shape that the members below were made for
  std::vector<PlainPooling> levels_;
  long outputs_ = 0;  // of a record
};

const RegisterLayer<Spp> registered("SPP", "spp_param");

}  // namespace
}  // namespace crema

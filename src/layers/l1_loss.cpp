// L1Loss:  loss = 1/m sum |d|,  d = bottom[0] - bottom[1], or bottom[0] alone.  |d| below plateau costs nothing.
// l2_per_location: 1/m sum over places of sqrt(s + epsilon),  s = sum over channels of d^2, or with
// l2_prescale_by_channels their mean; s below plateau^2 counts as 0.  Rejects negative epsilon or plateau.
// bottom[0], bottom[1], optional: N records of equal size (N, C, ...); both take a gradient.  top[0]: the loss.
// Where the last bottom is NaN, there is no target: d = 0.  m = N; with normalize_by_num_entries the number of
// entries that are not NaN, divided by C.  Dosovitskiy et al., 2015, arXiv:1504.06852.
#include <algorithm>
#include <cmath>

#include "core/layer.h"
#include "core/loss.h"
#include "math/place_tiles.h"

namespace crema {
namespace {

class L1Loss final : public Layer {
 public:
  explicit L1Loss(const LayerParameter& config) : config_(config.l1_loss_param()) {
    check(config_.epsilon() >= 0, "epsilon is {}; it must not be negative", config_.epsilon());
    check(config_.plateau() >= 0, "plateau is {}; it must not be negative", config_.plateau());
    check(config_.l2_per_location() || !config_.l2_prescale_by_channels(),
          "l2_prescale_by_channels is set without l2_per_location: there is no sum over channels");
  }

  Contract contract() const override { return Contract().bottoms(1, 2).tops(1).is_loss().reads_bottom_data({0, 1}); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    check(shape.axes() > 0, "bottom 0 is a scalar; it must have the records on axis 0");
    if (bottom.size() > 1) check_same_records(bottom);
    check(shape.axes() > 1 || !by_channels(), "bottom 0 ({}) has no axis 1, and {} needs the channels there",
          shape.str(), config_.l2_per_location() ? "l2_per_location" : "normalize_by_num_entries");
    split_ = shape.axes() > 1 ? AxisSplit(shape, 1) : AxisSplit(shape, 0);
    if (config_.l2_per_location()) {
      lengths_.grow(split_.outer * split_.inner);
      slopes_.grow(split_.outer * split_.inner);
    }
    top[0]->reshape({});
  }

  OwnMemory own_memory(bool) const override {
    return {(lengths_.size() + slopes_.size()) * static_cast<long>(sizeof(real)), 0};
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    divisor_ = records_of(*bottom[0]);
    const real plateau = config_.plateau();
    double loss = 0;
    with_difference(bottom, [&](const auto& difference) {
      if (config_.normalize_by_num_entries()) count_wanted(*bottom.back());
      if (config_.l2_per_location()) {
        loss = measure(difference);
      } else {
        loss = parallel_sum(split_.count(), 4, [=](long i) {
          const real size = std::abs(difference(i));
          return size < plateau ? 0 : size;
        });
      }
    });
    top[0]->mutable_data()[0] = static_cast<real>(loss / divisor_);
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    for (size_t k = 0; k < bottom.size(); ++k) {
      if (!down[k]) continue;
      const real scale = (k == 0 ? 1 : -1) * top[0]->diff()[0] / static_cast<real>(divisor_);
      real* dx = bottom[k]->mutable_diff();
      with_difference(bottom, [&](const auto& difference) {
        config_.l2_per_location() ? length_gradient(difference, scale, dx) : sign_gradient(difference, scale, dx);
      });
    }
  }

 private:
  bool by_channels() const { return config_.l2_per_location() || config_.normalize_by_num_entries(); }

  // Calls f with a function that returns d for an element, or 0 if it has no target.
  template <typename F>
  static void with_difference(const Bottoms& bottom, const F& f) {
    const real* a = bottom[0]->data();
    if (bottom.size() == 1) {
      f([=](long i) { return std::isnan(a[i]) ? 0 : a[i]; });
    } else {
      f([=, b = bottom[1]->data()](long i) { return std::isnan(b[i]) ? 0 : a[i] - b[i]; });
    }
  }

  void count_wanted(const Blob& bottom) {
    const real* x = bottom.data();
    const double wanted = parallel_sum(split_.count(), 1, [=](long i) -> real { return std::isnan(x[i]) ? 0 : 1; });
    divisor_ = wanted == 0 ? 1 : wanted / static_cast<double>(split_.channels);
  }

  // The sum over places of sqrt(s + epsilon). Keeps, for each place, the derivative of sqrt(s + epsilon) with respect
  // to d, divided by d.
  template <typename Difference>
  double measure(const Difference& difference) {
    const long outer = split_.outer, channels = split_.channels, inner = split_.inner;
    const double share = config_.l2_prescale_by_channels() ? 1.0 / static_cast<double>(channels) : 1;
    const double epsilon = config_.epsilon(), plateau = static_cast<double>(config_.plateau()) * config_.plateau();
    for_tiles(split_, 4, [&, channels = channels, inner = inner](long place, long base, long width) {
      double squares[kTile] = {};
      for (long c = 0; c < channels; ++c) {
        for (long k = 0; k < width; ++k) {
          const double d = difference(base + c * inner + k);
          squares[k] += d * d;
        }
      }
      for (long k = 0; k < width; ++k) {
        const double s = share * squares[k];
        const bool counts = !(s < plateau);
        const double length = std::sqrt((counts ? s : 0) + epsilon);
        lengths_[place + k] = static_cast<real>(length);
        slopes_[place + k] = counts && length != 0 ? static_cast<real>(share / length) : 0;
      }
    });
    return parallel_sum(outer * inner, 1, [this](long place) { return lengths_[place]; });
  }

  template <typename Difference>
  void length_gradient(const Difference& difference, real scale, real* dx) const {
    for_tiles(split_, 3, [&, channels = split_.channels, inner = split_.inner](long place, long base, long width) {
      for (long c = 0; c < channels; ++c) {
        for (long k = 0; k < width; ++k) {
          const long i = base + c * inner + k;
          dx[i] = scale * slopes_[place + k] * difference(i);
        }
      }
    });
  }

  template <typename Difference>
  void sign_gradient(const Difference& difference, real scale, real* dx) const {
    for_elements(split_.count(), 4, [=, plateau = static_cast<real>(config_.plateau())](long i) {
      const real d = difference(i), slope = d > 0 ? scale : d < 0 ? -scale : 0;
      dx[i] = std::abs(d) < plateau ? 0 : slope;
    });
  }

  L1LossParameter config_;
  AxisSplit split_;
  Buffer lengths_, slopes_;  // of places
  double divisor_ = 1;
};

const RegisterLayer<L1Loss> registered("L1Loss", "l1_loss_param");

}  // namespace
}  // namespace crema

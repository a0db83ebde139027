// BN:  y = w (x - mean) / sqrt(variance + eps) + b  for each channel (axis 1), in the forms of two forks.
// bottom[0] x: (N, C, ...).  top[0] y: the shape of x.  Parameters, all (1, C, 1, 1): w (1 by default) and b (0).
// PSPNet's form (arXiv:1612.01105) adds running mean and variance. TRAIN takes the batch's, and running becomes
// momentum running + (1 - momentum) batch; TEST takes the running ones, and so does frozen, where nothing learns.
// SegNet's (arXiv:1511.00561): scale_filler, shift_filler or bn_mode is given. LEARN takes the batch's, in TEST too,
// eps is 1e-9 unless it is given; INFERENCE: y = w x + b.  Rejects fields of both forms together.
#include <cmath>

#include "core/filler.h"
#include "core/layer.h"
#include "math/channel_norm.h"

namespace crema {
namespace {

FillerParameter constant(float value) {
  FillerParameter filler;
  filler.set_value(value);
  return filler;
}

class Bn final : public Layer {
 public:
  explicit Bn(const LayerParameter& config) {
    const BNParameter& c = config.bn_param();
    segnet_ = c.has_scale_filler() || c.has_shift_filler() || c.has_bn_mode();
    const bool pspnet = c.has_slope_filler() || c.has_bias_filler() || c.has_momentum() || c.has_frozen();
    check(!segnet_ || !pspnet,
          "scale_filler, shift_filler and bn_mode belong to one form of BN, slope_filler, bias_filler, momentum and "
          "frozen "
          "to another; here are fields of both");
    frozen_ = c.frozen();
    momentum_ = c.momentum();
    eps_ = segnet_ && !c.has_eps() ? static_cast<real>(1e-9) : c.eps();
    if (segnet_) {
      statistics_ = c.bn_mode() == BNParameter::LEARN ? Statistics::batch : Statistics::none;
      slope_filler_ = c.has_scale_filler() ? c.scale_filler() : constant(1);
      bias_filler_ = c.shift_filler();
    } else {
      statistics_ = frozen_ || config.phase() == TEST ? Statistics::running : Statistics::batch;
      slope_filler_ = c.has_slope_filler() ? c.slope_filler() : constant(1);
      bias_filler_ = c.bias_filler();
    }
    check_filler(slope_filler_);
    check_filler(bias_filler_);
    check(momentum_ >= 0 && momentum_ <= 1, "momentum is {}; it must be in [0, 1]", momentum_);
    check(eps_ >= 0, "eps is {}; it must not be negative", eps_);
  }

  Contract contract() const override {
    return frozen_ ? Contract().in_place() : Contract().reads_bottom_data().in_place();
  }

  // It is a map of the channels if it learns nothing.
  Epilogue epilogue() override {
    const bool fixed = statistics_ != Statistics::batch && (frozen_ || !net_runs_backward());
    return {.kind = fixed ? Epilogue::affine : Epilogue::none};
  }

  void affine_factors(real* a, real* b) const override {
    const real *w = parameters()[0].data(), *shift = parameters()[1].data();
    const bool none = statistics_ == Statistics::none;
    for (long c = 0; c < split_.channels; ++c) {
      const real mean = none ? 0 : parameters()[2].data()[c];
      a[c] = none ? w[c] : w[c] / std::sqrt(parameters()[3].data()[c] + eps_);
      b[c] = shift[c] - mean * a[c];
    }
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    check(shape.axes() > 1, "bottom 0 ({}) has {} axes; at least 2 are needed: N, C", shape.str(), shape.axes());
    split_ = AxisSplit(shape, 1);
    const Shape parameter{1, split_.channels, 1, 1};
    declare_parameter(0, parameter, slope_filler_, !frozen_);
    declare_parameter(1, parameter, bias_filler_, !frozen_);
    if (!segnet_) {
      declare_parameter(2, parameter, constant(0), false);
      declare_parameter(3, parameter, constant(frozen_ ? 1 : 0), false);
    }
    takes(0, bottom[0]->layout());
    top[0]->reshape(shape, bottom[0]->layout());
    array_ = ChannelArray(split_, bottom[0]->layout());
    for (Buffer* numbers : {&mean_, &variance_, &inverse_, &shift_, &sum_, &product_, &p_, &q_, &r_, &zero_}) {
      numbers->assign(array_.room(), 0);
    }
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    std::copy_n(parameters()[1].data(), split_.channels, shift_.data());
    const ChannelMap map{mean_.data(), p_.data(), shift_.data()};
    if (statistics_ != Statistics::batch) {
      take_statistics();
      find_factors(0, split_.channels);
      return map_channels(array_, map, x, y);
    }
    const ChannelsDone done = [this](long first, long last) { find_factors(first, last); };
    normalize_channels(array_, x, mean_.data(), variance_.data(), done, map, y, scratch(array_.scratch()));
    if (!segnet_ && !pass().replay && array_.per_channel() > 0) update_running();
  }

  // dw = sum of dy xhat,  db = sum of dy,  dx = w inverse (dy - mean(dy) - xhat mean(dy xhat)), or dx = w inverse dy if
  // the statistics are not those of the batch.
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    Parameter &slope = parameters()[0], &bias = parameters()[1];
    const bool of_batch = statistics_ == Statistics::batch;
    real* dx = down[0] ? bottom[0]->mutable_diff() : nullptr;
    const ChannelMap map{mean_.data(), p_.data(), shift_.data()};
    if (of_batch || slope.learns() || bias.learns()) {
      const ChannelsDone done = [this](long first, long last) { find_gradient(first, last); };
      const ChannelGradient gradient{p_.data(), q_.data(), r_.data()};
      channel_gradient(array_, map, x, dy, sum_.data(), product_.data(), done, gradient, of_batch ? dx : nullptr,
                       scratch(array_.scratch()));
      // Without any elements the sums are 0, and inverse_ may be infinite.
      for (long c = 0; c < split_.channels && array_.per_channel() > 0; ++c) product_[c] *= inverse_[c];
      if (slope.learns()) add(product_, slope);
      if (bias.learns()) add(sum_, bias);
    }
    if (dx && !of_batch) map_channels(array_, {zero_.data(), p_.data(), zero_.data()}, dy, dx);
  }

  OwnMemory own_memory(bool) const override {
    const long bytes = sizeof(real);
    return {.kept = 10 * array_.room() * bytes, .passing = array_.scratch() * bytes};
  }

 private:
  enum class Statistics { batch, running, none };

  void add(const Buffer& sums, Parameter& parameter) const {
    const real beta = parameter.beta();
    real* d = parameter.mutable_diff();
    for (long c = 0; c < split_.channels; ++c) d[c] = sums[c] + (beta == 0 ? 0 : beta * d[c]);  // may hold NaN
  }

  // Takes the running statistics.
  void take_statistics() {
    if (statistics_ == Statistics::none) return;
    std::copy_n(parameters()[2].data(), split_.channels, mean_.data());
    std::copy_n(parameters()[3].data(), split_.channels, variance_.data());
  }

  void find_factors(long first, long last) {
    const real* w = parameters()[0].data();
    for (long c = first; c < last; ++c) {
      inverse_[c] = statistics_ == Statistics::none ? 1 : 1 / std::sqrt(variance_[c] + eps_);
      p_[c] = w[c] * inverse_[c];
    }
  }

  void find_gradient(long first, long last) {
    const real equal = 1 / static_cast<real>(std::max(1L, array_.per_channel()));
    for (long c = first; c < last; ++c) {
      q_[c] = p_[c] * equal * sum_[c];
      r_[c] = p_[c] * equal * inverse_[c] * inverse_[c] * product_[c];
    }
  }

  void update_running() {
    real *mean = parameters()[2].mutable_data(), *variance = parameters()[3].mutable_data();
    for (long c = 0; c < split_.channels; ++c) {
      mean[c] = momentum_ * mean[c] + (1 - momentum_) * mean_[c];
      variance[c] = momentum_ * variance[c] + (1 - momentum_) * variance_[c];
    }
    parameters()[2].raise_version();
    parameters()[3].raise_version();
  }

  bool segnet_ = false, frozen_ = false;
  Statistics statistics_ = Statistics::batch;
  real momentum_ = 0, eps_ = 0;
  FillerParameter slope_filler_, bias_filler_;
  AxisSplit split_;
  ChannelArray array_;
  // Per channel, of this pass: y = (x - mean) p + shift,  p = w inverse,  inverse = 1 / sqrt(variance + eps);
  // dx = p dy - q - r (x - mean).
  Buffer mean_, variance_, inverse_, shift_, sum_, product_, p_, q_, r_, zero_;
};

const RegisterLayer<Bn> registered("BN", "bn_param");

}  // namespace
}  // namespace crema

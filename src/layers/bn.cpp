// BN:  y = w (x - mean) / sqrt(variance + eps) + b  for each channel (axis 1), in the forms of two forks.
// bottom[0] x: (N, C, ...).  top[0] y: the shape of x.  Parameters, all (1, C, 1, 1): w (1 by default) and b (0).
// PSPNet's form (arXiv:1612.01105) adds running mean and variance. TRAIN takes the batch's, and running becomes
// momentum running + (1 - momentum) batch; TEST takes the running ones, and so does frozen, where nothing learns.
// SegNet's (arXiv:1511.00561): scale_filler, shift_filler or bn_mode is given. LEARN takes the batch's, in TEST too,
// eps is 1e-9 unless it is given; INFERENCE: y = w x + b.  Rejects fields of both forms together.
#include <cmath>

#include "core/filler.h"
#include "core/layer.h"
#include "math/loops.h"

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
    for (std::vector<real>* numbers : {&mean_, &variance_, &inverse_, &p_, &q_, &t_}) {
      numbers->resize(static_cast<size_t>(split_.channels));
    }
    top[0]->reshape(shape);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    find_statistics(x);
    const real *w = parameters()[0].data(), *b = parameters()[1].data();
    for (size_t c = 0; c < p_.size(); ++c) p_[c] = w[c] * inverse_[c];
    real* y = top[0]->mutable_data();
    for_channels(split_, 2,
                 [=, m = mean_.data(), p = p_.data()](long c, long i) { y[i] = (x[i] - m[c]) * p[c] + b[c]; });
  }

  // dw = sum of dy xhat, db = sum of dy,  dx = w inverse (dy - mean(dy) - xhat mean(dy xhat)), where the statistics are
  // not those of the batch the first term alone.
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff(), *w = parameters()[0].data();
    Parameter &slope = parameters()[0], &bias = parameters()[1];
    const bool of_batch = statistics_ == Statistics::batch;
    const bool needs_sums = (of_batch && down[0]) || slope.learns() || bias.learns();
    if (needs_sums) {
      sum([=](long, long i) { return dy[i]; }, q_);
      sum([=, m = mean_.data(), r = inverse_.data()](long c, long i) { return dy[i] * (x[i] - m[c]) * r[c]; }, t_);
    }
    if (slope.learns()) add(t_, slope);
    if (bias.learns()) add(q_, bias);
    if (!down[0]) return;
    for (size_t c = 0; c < p_.size(); ++c) p_[c] = w[c] * inverse_[c];
    real* dx = bottom[0]->mutable_diff();
    if (!of_batch) {
      for_channels(split_, 1, [=, p = p_.data()](long c, long i) { dx[i] = p[c] * dy[i]; });
      return;
    }
    for (size_t c = 0; c < p_.size(); ++c) {
      q_[c] *= p_[c] / per_channel();
      t_[c] *= p_[c] * inverse_[c] / per_channel();
    }
    for_channels(split_, 4, [=, m = mean_.data(), p = p_.data(), q = q_.data(), t = t_.data()](long c, long i) {
      dx[i] = p[c] * dy[i] - q[c] - t[c] * (x[i] - m[c]);
    });
  }

 private:
  enum class Statistics { batch, running, none };

  real per_channel() const { return static_cast<real>(std::max(1L, split_.outer * split_.inner)); }

  // sums[c]: of term(c, i) over the channel.
  template <typename Term>
  void sum(const Term& term, std::vector<real>& sums) {
    real* partial = split_.inner == 1 ? nullptr : scratch(split_.outer * split_.channels);
    reduce_channels(split_, partial, term, [&](long c, double sum) { sums[c] = static_cast<real>(sum); });
  }

  static void add(const std::vector<real>& sums, Parameter& parameter) {
    const real beta = parameter.beta();
    real* d = parameter.mutable_diff();
    for (size_t c = 0; c < sums.size(); ++c) d[c] = sums[c] + (beta == 0 ? 0 : beta * d[c]);  // memory may hold NaN
  }

  void find_statistics(const real* x) {
    if (statistics_ == Statistics::none) {
      std::fill(mean_.begin(), mean_.end(), real{0});
      std::fill(inverse_.begin(), inverse_.end(), real{1});
      return;
    }
    if (statistics_ == Statistics::batch) {
      measure(x);
      if (!segnet_ && !pass().replay) update_running();
    } else {
      std::copy_n(parameters()[2].data(), mean_.size(), mean_.begin());
      std::copy_n(parameters()[3].data(), variance_.size(), variance_.begin());
    }
    for (size_t c = 0; c < inverse_.size(); ++c) inverse_[c] = 1 / std::sqrt(variance_[c] + eps_);
  }

  void measure(const real* x) {
    sum([=](long, long i) { return x[i]; }, mean_);
    for (real& mean : mean_) mean /= per_channel();
    sum([=, m = mean_.data()](long c, long i) { return (x[i] - m[c]) * (x[i] - m[c]); }, variance_);
    for (real& variance : variance_) variance /= per_channel();
  }

  void update_running() {
    real *mean = parameters()[2].mutable_data(), *variance = parameters()[3].mutable_data();
    for (size_t c = 0; c < mean_.size(); ++c) {
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
  std::vector<real> mean_, variance_, inverse_;  // per channel, of this pass; inverse: 1 / sqrt(variance + eps)
  std::vector<real> p_, q_, t_;                  // y = (x - mean) p + b,  dx = p dy - q - t (x - mean)
};

const RegisterLayer<Bn> registered("BN", "bn_param");

}  // namespace
}  // namespace crema

// BatchNorm:  y = (x - mean) / sqrt(variance + eps)  for each channel (axis 1; one channel where x has one axis).
// bottom[0] x: (N, C, ...).  top[0] y: the shape of x.  Ioffe and Szegedy, 2015, arXiv:1502.03167.
// Parameters, none of which learns: running sums of mean (C) and variance (C), and their common weight (1).
// With use_global_stats (default: in TEST, not in TRAIN) mean and variance are sum / weight. Otherwise, in TEST too
// where use_global_stats is false, they are those of the batch, and each pass in training or testing makes the sums
// fraction * sum + value, unless the batch is empty.
#include <algorithm>
#include <cmath>

#include "core/layer.h"
#include "math/channel_norm.h"

namespace crema {
namespace {

class BatchNorm final : public Layer {
 public:
  explicit BatchNorm(const LayerParameter& config)
      : fraction_(config.batch_norm_param().moving_average_fraction()), eps_(config.batch_norm_param().eps()) {
    const BatchNormParameter& c = config.batch_norm_param();
    running_ = c.has_use_global_stats() ? c.use_global_stats() : config.phase() == TEST;
    check(fraction_ >= 0 && fraction_ <= 1, "moving_average_fraction is {}; it must be in [0, 1]", fraction_);
    check(eps_ >= 0, "eps is {}; it must not be negative", eps_);
  }

  // Without absorbed layers, backward needs y, or no data at all if the statistics are fixed. With absorbed layers it
  // needs x: y lacks what a rectifier cut off, and a factor may be 0.
  Contract contract() const override {
    if (alone()) return running_ ? Contract().in_place() : Contract().reads_top_data().in_place();
    return Contract().reads_bottom_data().in_place();
  }

  // Absorbs a map of the channels (Scale, Bias), then a rectifier.
  Absorbed absorb(Layer& next, const Bottoms&) override {
    const Epilogue e = next.epilogue();
    if (e.kind == Epilogue::affine && alone()) {
      affine_ = &next;
    } else if (e.kind == Epilogue::relu && !bent_) {
      bent_ = true;
      bend_ = e.slope;
    } else {
      return Absorbed::nothing;
    }
    return Absorbed::all;
  }

  Epilogue epilogue() override { return {.kind = running_ && alone() ? Epilogue::affine : Epilogue::none}; }

  void affine_factors(real* a, real* b) const override {
    const Running running(*this);
    for (long c = 0; c < parameters()[0].count(); ++c) {
      a[c] = 1 / std::sqrt(running.variance(c) + eps_);
      b[c] = -running.mean(c) * a[c];
    }
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Blob& x = *bottom[0];
    check(x.axes() > 0, "bottom 0 is a scalar; at least one axis is needed");
    const AxisSplit split(x.shape(), 1, x.axes() > 1 ? 1 : 0);
    declare_parameter(0, {split.channels}, FillerParameter(), false);
    declare_parameter(1, {split.channels}, FillerParameter(), false);
    declare_parameter(2, {1}, FillerParameter(), false);
    takes(0, x.layout());
    top[0]->reshape(x.shape(), x.layout());
    array_ = ChannelArray(split, x.layout());
    for (Buffer* numbers : all()) numbers->assign(array_.room(), 0);
    slope_.fill(bend_);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    read_affine();
    if (running_) {
      const Running running(*this);
      for (long c = 0; c < array_.channels(); ++c) mean_[c] = running.mean(c), variance_[c] = running.variance(c);
      find_factors(0, array_.channels());
      return map_channels(array_, map(), x, y);
    }
    const ChannelsDone done = [this](long first, long last) { find_factors(first, last); };
    normalize_channels(array_, x, mean_.data(), variance_.data(), done, map(), y, scratch(array_.scratch()));
    if (!pass().replay && array_.per_channel() > 0) update_running();
  }

  // With g = dy, through the rectifier if there is one, xhat = (x - mean) inverse and y = gamma xhat + beta:
  // dgamma = sum(g xhat),  dbeta = sum(g),  dx = gamma inverse (g - mean(g) - xhat mean(g xhat));  with fixed
  // statistics,  dx = gamma inverse g.
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real* dy = top[0]->diff();
    real* dx = down[0] ? bottom[0]->mutable_diff() : nullptr;
    if (alone() && running_) return map_channels(array_, {zero_.data(), factor_.data(), zero_.data()}, dy, dx);
    if (running_ && !learns()) {
      return map_gradient(array_, map(), bottom[0]->data(), dy, factor_.data(), dx);
    }
    const ChannelGradient gradient{p_.data(), running_ ? nullptr : q_.data(), r_.data()};
    const ChannelsDone done = [this](long first, long last) { find_gradient(first, last); };
    const bool by_y = alone();
    const ChannelMap seen = by_y ? ChannelMap{zero_.data(), zero_.data(), zero_.data()} : map();
    const real* values = by_y ? top[0]->data() : bottom[0]->data();
    channel_gradient(array_, seen, values, dy, sum_.data(), product_.data(), done, gradient, dx,
                     scratch(array_.scratch()));
    if (affine_ == nullptr) return;
    const Epilogue e = affine_->epilogue();
    // Without any elements the sums are 0, and inverse_ may be infinite.
    for (long c = 0; c < array_.channels() && array_.per_channel() > 0; ++c) product_[c] *= inverse_[c];
    if (e.factor != nullptr) add(product_, *e.factor);
    if (e.shift != nullptr) add(sum_, *e.shift);
  }

  OwnMemory own_memory(bool) const override {
    const long arrays = static_cast<long>(const_cast<BatchNorm*>(this)->all().size());
    const long bytes = sizeof(real);
    return {.kept = arrays * array_.room() * bytes,
            .passing = running_ && !net_runs_backward() ? 0 : array_.scratch() * bytes};
  }

 private:
  // Mean and variance from the running sums.
  struct Running {
    const real *means, *variances;
    real factor;
    explicit Running(const BatchNorm& layer)
        : means(layer.parameters()[0].data()), variances(layer.parameters()[1].data()) {
      const real weight = layer.parameters()[2].data()[0];
      factor = weight == 0 ? 0 : 1 / weight;
    }
    real mean(long c) const { return factor * means[c]; }
    real variance(long c) const { return factor * variances[c]; }
  };

  // Whether the absorbed layer learns.
  bool learns() const {
    if (affine_ == nullptr) return false;
    const std::vector<Parameter>& all = affine_->parameters();
    return std::any_of(all.begin(), all.end(), [](const Parameter& p) { return p.learns(); });
  }
  bool alone() const { return affine_ == nullptr && !bent_; }

  std::vector<Buffer*> all() {
    return {&mean_,    &variance_, &inverse_, &gamma_, &factor_, &shift_, &sum_,
            &product_, &p_,        &q_,       &r_,     &slope_,  &zero_};
  }

  ChannelMap map() const { return {mean_.data(), factor_.data(), shift_.data(), bent_ ? slope_.data() : nullptr}; }

  // gamma and beta of the absorbed layer.
  void read_affine() {
    if (affine_ == nullptr) {
      std::fill_n(gamma_.data(), array_.channels(), real{1});
      return;
    }
    affine_->affine_factors(gamma_.data(), shift_.data());
  }

  // From mean and variance, for the channels from first to last - 1.
  void find_factors(long first, long last) {
    for (long c = first; c < last; ++c) {
      inverse_[c] = 1 / std::sqrt(variance_[c] + eps_);
      factor_[c] = gamma_[c] * inverse_[c];
    }
  }

  // dx = p g - q - r (v - m).  Without absorbed layers, v is y, which is xhat, and m is 0. Otherwise v is x, and m is
  // the mean.
  void find_gradient(long first, long last) {
    const real equal = 1 / static_cast<real>(std::max(1L, array_.per_channel()));
    for (long c = first; c < last; ++c) {
      const real hat = alone() ? 1 : inverse_[c] * inverse_[c];
      p_[c] = factor_[c];
      q_[c] = factor_[c] * equal * sum_[c];
      r_[c] = factor_[c] * equal * hat * product_[c];
    }
  }

  void add(const Buffer& sums, Parameter& parameter) const {
    if (!parameter.learns()) return;
    const real beta = parameter.beta();
    real* d = parameter.mutable_diff();
    for (long c = 0; c < array_.channels(); ++c) d[c] = sums[c] + (beta == 0 ? 0 : beta * d[c]);  // may hold NaN
  }

  void update_running() {
    const auto m = static_cast<double>(array_.per_channel());
    const real unbiased = static_cast<real>(m > 1 ? m / (m - 1) : 1);
    real *mean = parameters()[0].mutable_data(), *variance = parameters()[1].mutable_data();
    real* weight = parameters()[2].mutable_data();
    for (long c = 0; c < array_.channels(); ++c) {
      mean[c] = fraction_ * mean[c] + mean_[c];
      variance[c] = fraction_ * variance[c] + unbiased * variance_[c];
    }
    weight[0] = fraction_ * weight[0] + 1;
    for (Parameter& parameter : parameters()) parameter.raise_version();
  }

  real fraction_, eps_;
  bool running_;             // whether the running statistics are used
  Layer* affine_ = nullptr;  // the absorbed map, or null; bent_: a rectifier was absorbed, too
  bool bent_ = false;
  real bend_ = 0;
  ChannelArray array_;
  // Per channel, of this pass: y = (x - mean) factor + shift,  factor = gamma inverse,  inverse = 1 / sqrt(variance +
  // eps);  dx = p g - q - r (x - mean).
  Buffer mean_, variance_, inverse_, gamma_, factor_, shift_, sum_, product_, p_, q_, r_, slope_, zero_;
};

const RegisterLayer<BatchNorm> registered("BatchNorm", "batch_norm_param");

}  // namespace
}  // namespace crema

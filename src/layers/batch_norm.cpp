// BatchNorm:  y = (x - mean) / sqrt(variance + eps)  for each channel (axis 1; one channel where x has one axis).
// bottom[0] x: (N, C, ...).  top[0] y: the shape of x.  Ioffe and Szegedy, 2015, arXiv:1502.03167.
// Parameters, none of which learns: running sums of mean (C) and variance (C), and their common weight (1).
// With use_global_stats (default: in TEST, not in TRAIN) mean and variance are sum / weight. Otherwise, in TEST too
// where use_global_stats is false, they are those of the batch, and each pass in training or testing makes the sums
// fraction * sum + value.
#include <cmath>

#include "core/layer.h"
#include "math/loops.h"

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

  // Backward needs y alone, and with fixed statistics not even that.
  Contract contract() const override {
    return running_ ? Contract().in_place() : Contract().reads_top_data().in_place();
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    check(shape.axes() > 0, "bottom 0 is a scalar; at least one axis is needed");
    split_ = AxisSplit(shape, 1, shape.axes() > 1 ? 1 : 0);
    declare_parameter(0, {split_.channels}, FillerParameter(), false);
    declare_parameter(1, {split_.channels}, FillerParameter(), false);
    declare_parameter(2, {1}, FillerParameter(), false);
    mean_.resize(static_cast<size_t>(split_.channels));
    variance_.resize(mean_.size());
    slope_.resize(mean_.size());
    mean_dy_.resize(mean_.size());
    mean_dyy_.resize(mean_.size());
    top[0]->reshape(shape);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    if (running_) {
      read_running();
    } else {
      measure(x);
      if (!pass().replay) update_running();
    }
    for (size_t c = 0; c < slope_.size(); ++c) slope_[c] = 1 / std::sqrt(variance_[c] + eps_);
    real* y = top[0]->mutable_data();
    const real *mean = mean_.data(), *slope = slope_.data();
    for_channels(split_, 2, [=](long c, long i) { y[i] = (x[i] - mean[c]) * slope[c]; });
  }

  // dx = (dy - mean(dy) - y mean(dy y)) / sqrt(variance + eps);  with fixed statistics the first term alone.
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *y = top[0]->data(), *dy = top[0]->diff(), *slope = slope_.data();
    real* dx = bottom[0]->mutable_diff();
    if (running_) {
      for_channels(split_, 1, [=](long c, long i) { dx[i] = dy[i] * slope[c]; });
      return;
    }
    average([=](long, long i) { return dy[i]; }, mean_dy_);
    average([=](long, long i) { return dy[i] * y[i]; }, mean_dyy_);
    const real *a = mean_dy_.data(), *b = mean_dyy_.data();
    for_channels(split_, 4, [=](long c, long i) { dx[i] = (dy[i] - a[c] - y[i] * b[c]) * slope[c]; });
  }

 private:
  double per_channel() const { return static_cast<double>(std::max(1L, split_.outer * split_.inner)); }

  template <typename Term>
  void average(const Term& term, std::vector<real>& means) {
    real* partial = split_.inner == 1 ? nullptr : scratch(split_.outer * split_.channels);
    reduce_channels(split_, partial, term,
                    [&](long c, double sum) { means[c] = static_cast<real>(sum / per_channel()); });
  }

  void measure(const real* x) {
    average([=](long, long i) { return x[i]; }, mean_);
    const real* mean = mean_.data();
    average([=](long c, long i) { return (x[i] - mean[c]) * (x[i] - mean[c]); }, variance_);
  }

  void read_running() {
    const real *mean = parameters()[0].data(), *variance = parameters()[1].data();
    const real weight = parameters()[2].data()[0];
    const real factor = weight == 0 ? 0 : 1 / weight;
    for (size_t c = 0; c < mean_.size(); ++c) {
      mean_[c] = factor * mean[c];
      variance_[c] = factor * variance[c];
    }
  }

  void update_running() {
    const double m = per_channel();
    const real unbiased = static_cast<real>(m > 1 ? m / (m - 1) : 1);
    real *mean = parameters()[0].mutable_data(), *variance = parameters()[1].mutable_data();
    real* weight = parameters()[2].mutable_data();
    for (size_t c = 0; c < mean_.size(); ++c) {
      mean[c] = fraction_ * mean[c] + mean_[c];
      variance[c] = fraction_ * variance[c] + unbiased * variance_[c];
    }
    weight[0] = fraction_ * weight[0] + 1;
    for (Parameter& parameter : parameters()) parameter.raise_version();
  }

  real fraction_, eps_;
  bool running_;  // whether the running statistics are used
  AxisSplit split_;
  std::vector<real> mean_, variance_, slope_;  // per channel, of this pass; slope: 1 / sqrt(variance + eps)
  std::vector<real> mean_dy_, mean_dyy_;
};

const RegisterLayer<BatchNorm> registered("BatchNorm", "batch_norm_param");

}  // namespace
}  // namespace crema

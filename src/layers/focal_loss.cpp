// FocalLoss:  loss = -alpha/m sum over places of (1 - p)^gamma ln p,  p: the label's probability in softmax(x) along
// one axis; for type LINEAR of ln(sigmoid(gamma z + beta)) / gamma,  z = ln(p / (1 - p)).  m: by normalization.
// bottom[0] x: scores (N, C, ...), C classes on softmax_param.axis.  bottom[1]: labels, one for each place (N, ...).
// top[0]: the loss, a scalar.  top[1], optional: softmax(x); a gradient at it goes no further.
// Rejects alpha <= 0, gamma < 0, LINEAR with gamma = 0; labels that are not whole numbers in [0, C), unless they equal
// ignore_label.  Lin et al., 2017, arXiv:1708.02002, whose sigmoid of one score is here a softmax of two.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>

#include "core/labels.h"
#include "core/layer.h"
#include "math/place_tiles.h"
#include "math/softmax.h"

namespace crema {
namespace {

class FocalLoss final : public Layer {
 public:
  explicit FocalLoss(const LayerParameter& config)
      : axis_(config.softmax_param().axis()),
        normalization_(config.loss_param()),
        linear_(config.focal_loss_param().type() == FocalLossParameter::LINEAR),
        alpha_(config.focal_loss_param().alpha()),
        beta_(config.focal_loss_param().beta()),
        gamma_(config.focal_loss_param().gamma()) {
    refuse_wanted_probabilities(config.loss_param());
    check(alpha_ > 0, "alpha is {}; it must be positive", alpha_);
    check(gamma_ >= 0, "gamma is {}; it must not be negative", gamma_);
    check(!linear_ || gamma_ > 0, "gamma is 0; type LINEAR divides by it");
  }

  // Forward keeps probabilities, classes and slopes, so the bottoms' memory may be reused after it.
  Contract contract() const override { return Contract().bottoms(2).tops(1, 2).is_loss().no_gradient_to({1}); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    places_.reshape(*bottom[0], shape.canonical(axis_, "softmax_param.axis"), *bottom[1]);
    p_.grow(shape.count());
    for (Buffer* buffer : {&losses_, &own_slope_, &other_slope_}) buffer->grow(places_.count());
    top[0]->reshape({});
    if (top.size() > 1) top[1]->reshape(shape);
  }

  OwnMemory own_memory(bool) const override {
    return {(p_.size() + losses_.size() + own_slope_.size() + other_slope_.size()) * static_cast<long>(sizeof(real)),
            0};
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    places_.read(*bottom[1], normalization_.ignored());
    divisor_ = places_.divisor(normalization_);
    const real* x = bottom[0]->data();
    softmax(places_.split(), x, p_.data());
    parallel_for(places_.count(), linear_ ? 16 * places_.split().channels : 64, [&](long begin, long end) {
      for (long place = begin; place < end; ++place) {
        const long own = places_.labeled(place);
        keep(place, own < 0 ? Cost() : linear_ ? linear(x, place, own) : origin(own));
      }
    });
    const double loss = parallel_sum(places_.count(), 1, [&](long place) { return losses_[place]; });
    top[0]->mutable_data()[0] = static_cast<real>(loss / divisor_);
    if (top.size() > 1) copy_elements(places_.split().count(), p_.data(), top[1]->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real scale = top[0]->diff()[0] / static_cast<real>(divisor_);
    const real *p = p_.data(), *slope = other_slope_.data();
    const AxisSplit& split = places_.split();
    const long channels = split.channels, inner = split.inner;
    real* dx = bottom[0]->mutable_diff();
    for_tiles(places_.split(), 2, [=, channels = channels, inner = inner](long place, long base, long width) {
      for (long c = 0; c < channels; ++c) {
        const long first = base + c * inner;
        for (long k = 0; k < width; ++k) dx[first + k] = scale * slope[place + k] * p[first + k];
      }
    });
    parallel_for(places_.count(), 4, [&](long begin, long end) {
      for (long place = begin; place < end; ++place) {
        const long own = places_.labeled(place);
        if (own >= 0) dx[own] = scale * own_slope_[place];
      }
    });
  }

 private:
  // For one place: its loss, the derivative with respect to the label's score, and the derivative with respect to
  // another score, divided by that score's probability.
  struct Cost {
    double loss = 0, own = 0, other = 0;
  };

  void keep(long place, const Cost& cost) {
    losses_[place] = static_cast<real>(cost.loss);
    own_slope_[place] = static_cast<real>(cost.own);
    other_slope_[place] = static_cast<real>(cost.other);
  }

  // By dp/dx_c = p ((c == label) - p_c):  d loss / dx_c = alpha ((1 - p)^gamma - gamma (1 - p)^(gamma - 1) p ln p)
  // (p_c - (c == label)).
  Cost origin(long own) const {
    const double p = p_[own], rest = 1 - p, log_p = std::log(std::max(p, static_cast<double>(FLT_MIN)));
    const double ratio = rest > 0 ? log_p / rest : -1;  // ln p / (1 - p), and its limit for p = 1
    const double weight = alpha_ * std::pow(rest, gamma_);
    const double slope = weight * (1 - gamma_ * p * ratio);
    return {-weight * log_p, -slope * rest, slope};
  }

  // z = x_label - ln sum over others of e^x, computed with the largest of them subtracted, so it is exact if p is 0 or
  // 1.  dz/dx_c = -p_c / (1 - p).
  Cost linear(const real* x, long place, long own) const {
    const AxisSplit& split = places_.split();
    const long channels = split.channels, inner = split.inner;
    const long first = places_.at(place, 0);
    double largest = -std::numeric_limits<double>::infinity(), sum = 0, rest = 0;
    for (long i = first, c = 0; c < channels; ++c, i += inner) {
      if (i != own) largest = std::max(largest, static_cast<double>(x[i]));
    }
    for (long i = first, c = 0; c < channels; ++c, i += inner) {
      if (i == own) continue;
      sum += std::exp(x[i] - largest);
      rest += p_[i];
    }
    const double u = gamma_ * (x[own] - largest - std::log(sum)) + beta_;
    const double slope = alpha_ / (1 + std::exp(u));
    const double loss = std::max(-u, 0.0) + std::log1p(std::exp(-std::abs(u)));  // -ln sigmoid(u)
    return {alpha_ / gamma_ * loss, -slope, rest > 1e-30 ? slope / rest : 0};
  }

  int axis_;
  LossNormalization normalization_;
  bool linear_;
  double alpha_, beta_, gamma_;
  LabeledPlaces places_;
  Buffer p_, losses_, own_slope_, other_slope_;
  double divisor_ = 1;
};

const RegisterLayer<FocalLoss> registered("FocalLoss", "focal_loss_param", "loss_param", "softmax_param");

}  // namespace
}  // namespace crema

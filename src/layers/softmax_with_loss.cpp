// SoftmaxWithLoss:  loss = -1/m sum over places of sum_c t_c ln p_c,  p = softmax(x) along one axis.
// t_c: 1 for the label's class, else 0; bottom[1] where soft_labels.  label_smoothing s makes it (1 - s) t_c + s / C.
// bottom[0] x: scores (N, C, ...), C classes on softmax_param.axis.  bottom[1]: a label for each place (N, ...), or t.
// top[0]: the loss, a scalar.  top[1], optional: p, the shape of x; a gradient at it goes no further, as in Caffe.
// Rejects labels that are not whole numbers in [0, C), unless they equal ignore_label; negative or infinite t; s
// outside [0, 1); ignore_label with soft_labels.  m: by normalization.  Szegedy et al., 2015, arXiv:1512.00567.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "core/labels.h"
#include "core/layer.h"
#include "math/place_tiles.h"
#include "math/softmax.h"

namespace crema {
namespace {

class SoftmaxWithLoss final : public Layer {
 public:
  explicit SoftmaxWithLoss(const LayerParameter& config)
      : axis_(config.softmax_param().axis()),
        normalization_(config.loss_param()),
        smoothing_(config.loss_param().label_smoothing()),
        soft_(config.loss_param().soft_labels()) {
    check(smoothing_ >= 0 && smoothing_ < 1, "label_smoothing is {}; it must be in [0, 1)", smoothing_);
    check(!soft_ || !normalization_.ignored(), "ignore_label is given with soft_labels: there is no label to compare");
  }

  // Forward keeps probabilities and classes, so the bottoms' memory may be reused after it, except that of soft labels.
  Contract contract() const override {
    Contract contract = Contract().bottoms(2).tops(1, 2).is_loss().no_gradient_to({1});
    return soft_ ? contract.reads_bottom_data({1}) : contract;
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape &shape = bottom[0]->shape(), &other = bottom[1]->shape();
    const int axis = shape.canonical(axis_, "softmax_param.axis");
    if (soft_) {
      check(other == shape, "soft_labels: bottom 1 ({}) must have the shape of bottom 0 ({})", other.str(),
            shape.str());
      places_.reshape(AxisSplit(shape, axis));
    } else {
      check(other != shape || shape[axis] == 1,
            "bottom 1 has the shape of bottom 0 ({}), and not one label for each place; if it holds the wanted "
            "probability of each class, say loss_param {{ soft_labels: true }}",
            shape.str());
      places_.reshape(*bottom[0], axis, *bottom[1]);
    }
    check(places_.split().channels > 0 || places_.count() == 0, "bottom 0 ({}) has no classes on axis {}", shape.str(),
          axis);
    if (spread()) losses_.grow(places_.count());
    p_.grow(shape.count());
    top[0]->reshape({});
    if (top.size() > 1) top[1]->reshape(shape);
  }

  OwnMemory own_memory(bool) const override {
    return {(p_.size() + losses_.size()) * static_cast<long>(sizeof(real)) +
                (soft_ ? 0 : places_.count() * static_cast<long>(sizeof(int))),
            0};
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    if (soft_) {
      check_probabilities(*bottom[1]);
    } else {
      places_.read(*bottom[1], normalization_.ignored());
    }
    divisor_ = places_.divisor(normalization_);
    softmax(places_.split(), bottom[0]->data(), p_.data());
    top[0]->mutable_data()[0] = static_cast<real>(loss(bottom) / divisor_);
    if (top.size() > 1) copy_elements(bottom[0]->count(), p_.data(), top[1]->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real scale = top[0]->diff()[0] / static_cast<real>(divisor_);
    real* dx = bottom[0]->mutable_diff();
    if (!spread()) return label_gradient(scale, dx);
    with_wanted(bottom, [&](const auto& wanted) { spread_gradient(scale, wanted, dx); });
  }

 private:
  // Whether a place may have more than one target class.
  bool spread() const { return soft_ || smoothing_ > 0; }

  double loss(const Bottoms& bottom) {
    if (!spread()) {
      return parallel_sum(places_.count(), 10, [&](long place) {
        const long i = places_.labeled(place);
        return i < 0 ? 0 : -std::log(std::max(p_[i], static_cast<real>(FLT_MIN)));
      });
    }
    with_wanted(bottom, [&](const auto& wanted) { spread_losses(bottom[0]->data(), wanted); });
    return parallel_sum(places_.count(), 1, [&](long place) { return losses_[place]; });
  }

  // Calls f with a function that returns t for a place, class and element.
  template <typename F>
  void with_wanted(const Bottoms& bottom, const F& f) const {
    const real rest = 1 - smoothing_, even = smoothing_ / static_cast<real>(places_.split().channels);
    if (soft_) {
      f([=, t = bottom[1]->data()](long, long, long i) { return rest * t[i] + even; });
    } else {
      f([=, label = places_.classes()](long place, long c, long) { return even + (label[place] == c ? rest : 0); });
    }
  }

  bool ignored(long place) const { return !soft_ && places_.classes()[place] == kIgnoredLabel; }

  // sum_c t_c (l - x_c),  l = ln sum e^x,  computed from the largest x and its p, so that no logarithm of a p that has
  // become 0 is taken.
  template <typename Wanted>
  void spread_losses(const real* x, const Wanted& wanted) {
    const AxisSplit& split = places_.split();
    const long channels = split.channels, inner = split.inner;
    for_tiles(places_.split(), 4, [&, channels = channels, inner = inner](long place, long base, long width) {
      real largest_x[kTile], largest_p[kTile] = {};
      double sum_t[kTile] = {}, sum_tx[kTile] = {};
      for (long k = 0; k < width; ++k) largest_x[k] = x[base + k];
      for (long c = 0; c < channels; ++c) {
        for (long k = 0; k < width; ++k) {
          const long i = base + c * inner + k;
          const double t = wanted(place + k, c, i);
          largest_x[k] = std::max(largest_x[k], x[i]);
          largest_p[k] = std::max(largest_p[k], p_[i]);
          sum_t[k] += t;
          sum_tx[k] += t * x[i];
        }
      }
      for (long k = 0; k < width; ++k) {
        const double all = largest_x[k] - std::log(static_cast<double>(largest_p[k]));
        losses_[place + k] = ignored(place + k) ? 0 : static_cast<real>(sum_t[k] * all - sum_tx[k]);
      }
    });
  }

  // d loss / dx_c = p_c sum t - t_c.
  template <typename Wanted>
  void spread_gradient(real scale, const Wanted& wanted, real* dx) const {
    const real* p = p_.data();
    const AxisSplit& split = places_.split();
    const long channels = split.channels, inner = split.inner;
    for_tiles(places_.split(), 4, [&, channels = channels, inner = inner](long place, long base, long width) {
      real factor[kTile];
      double sum_t[kTile] = {};
      for (long c = 0; c < channels; ++c) {
        for (long k = 0; k < width; ++k) sum_t[k] += wanted(place + k, c, base + c * inner + k);
      }
      for (long k = 0; k < width; ++k) factor[k] = ignored(place + k) ? 0 : scale;
      for (long c = 0; c < channels; ++c) {
        for (long k = 0; k < width; ++k) {
          const long i = base + c * inner + k;
          dx[i] = factor[k] * (static_cast<real>(sum_t[k]) * p[i] - wanted(place + k, c, i));
        }
      }
    });
  }

  // d(-ln p[label]) / dx_c = p_c - (c == label).
  void label_gradient(real scale, real* dx) const {
    const real* p = p_.data();
    for_elements(places_.split().count(), 1, [=](long i) { dx[i] = scale * p[i]; });
    parallel_for(places_.count(), 4, [&](long begin, long end) {
      for (long place = begin; place < end; ++place) {
        const long i = places_.labeled(place);
        if (i >= 0) {
          dx[i] = scale * (p[i] - 1);
        } else {
          for (long c = 0; c < places_.split().channels; ++c) dx[places_.at(place, c)] = 0;
        }
      }
    });
  }

  int axis_;
  LossNormalization normalization_;
  real smoothing_;
  bool soft_;
  LabeledPlaces places_;
  Buffer p_, losses_;
  double divisor_ = 1;
};

const RegisterLayer<SoftmaxWithLoss> registered("SoftmaxWithLoss", "loss_param", "softmax_param");

}  // namespace
}  // namespace crema

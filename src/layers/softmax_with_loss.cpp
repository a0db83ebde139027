// SoftmaxWithLoss:  loss = -1/m sum over places of ln p[label],  p = softmax(x) along one axis;  m: by normalization.
// bottom[0] x: scores (N, C, ...), C classes on softmax_param.axis.  bottom[1]: labels, one for each place (N, ...).
// top[0]: the loss, a scalar.  top[1], optional: p, the shape of x; a gradient at it goes no further, as in Caffe.
// Rejects labels that are not whole numbers in [0, C), unless they equal ignore_label.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "core/labels.h"
#include "core/layer.h"
#include "math/softmax.h"

namespace crema {
namespace {

class SoftmaxWithLoss final : public Layer {
 public:
  explicit SoftmaxWithLoss(const LayerParameter& config)
      : axis_(config.softmax_param().axis()), normalization_(config.loss_param().normalization()) {
    const LossParameter& loss = config.loss_param();
    if (loss.has_ignore_label()) ignored_ = loss.ignore_label();
    if (!loss.has_normalization() && loss.has_normalize()) {
      normalization_ = loss.normalize() ? LossParameter::VALID : LossParameter::BATCH_SIZE;
    }
  }

  // Probabilities and classes are kept by forward: the bottoms' memory is free after it.
  Contract contract() const override { return Contract().bottoms(2).tops(1, 2).is_loss().no_gradient_to({1}); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    const int axis = shape.canonical(axis_, "softmax_param.axis");
    check_labels(*bottom[0], axis, *bottom[1]);
    split_ = AxisSplit(shape, axis);
    classes_.resize(static_cast<size_t>(bottom[1]->count()));
    p_.grow(split_.count());
    top[0]->reshape({});
    if (top.size() > 1) top[1]->reshape(shape);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    divisor_ = divisor(read_labels(*bottom[1], split_.channels, ignored_, classes_));
    softmax(split_, bottom[0]->data(), p_.data());
    const double loss = parallel_sum(places(), 10, [&](long place) {
      const long i = labeled(place);
      return i < 0 ? 0 : -std::log(std::max(p_[i], static_cast<real>(FLT_MIN)));
    });
    top[0]->mutable_data()[0] = static_cast<real>(loss / divisor_);
    if (top.size() > 1) copy_elements(split_.count(), p_.data(), top[1]->mutable_data());
  }

  // d(-ln p[label]) / dx_c = p_c - (c == label).
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real* p = p_.data();
    const real scale = top[0]->diff()[0] / static_cast<real>(divisor_);
    real* dx = bottom[0]->mutable_diff();
    for_elements(split_.count(), 1, [=](long i) { dx[i] = scale * p[i]; });
    parallel_for(places(), 4, [&](long begin, long end) {
      for (long place = begin; place < end; ++place) {
        const long i = labeled(place);
        if (i >= 0) {
          dx[i] = scale * (p[i] - 1);
        } else {
          for (long c = 0; c < split_.channels; ++c) dx[at(place, c)] = 0;
        }
      }
    });
  }

 private:
  long places() const { return split_.outer * split_.inner; }
  long at(long place, long c) const {
    return (place / split_.inner * split_.channels + c) * split_.inner + place % split_.inner;
  }
  // The element of the place's label; -1 if it is ignored.
  long labeled(long place) const {
    const int label = classes_[place];
    return label == kIgnoredLabel ? -1 : at(place, label);
  }

  double divisor(long valid) const {
    double m = 1;
    if (normalization_ == LossParameter::FULL) m = static_cast<double>(places());
    if (normalization_ == LossParameter::VALID) m = static_cast<double>(valid);
    if (normalization_ == LossParameter::BATCH_SIZE) m = static_cast<double>(split_.outer);
    return std::max(m, 1.0);  // all labels may be ignored
  }

  int axis_;
  LossParameter::NormalizationMode normalization_;
  std::optional<int> ignored_;
  AxisSplit split_;
  std::vector<int> classes_;
  Buffer p_;
  double divisor_ = 1;
};

const RegisterLayer<SoftmaxWithLoss> registered("SoftmaxWithLoss", "loss_param", "softmax_param");

}  // namespace
}  // namespace crema

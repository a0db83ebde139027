// HingeLoss:  loss = 1/N sum max(0, 1 - s x)  (L1),  1/N sum max(0, 1 - s x)^2  (L2),  over all records and classes;
// s = 1 for the class of the record's label, -1 for others.
// bottom[0] x: scores, N records of C numbers, each for a class.  bottom[1]: labels, one for each record (N).
// top[0]: the loss, a scalar.  Rejects labels that are not whole numbers in [0, C).
#include <algorithm>

#include "core/labels.h"
#include "core/layer.h"

namespace crema {
namespace {

class HingeLoss final : public Layer {
 public:
  explicit HingeLoss(const LayerParameter& config)
      : squared_(config.hinge_loss_param().norm() == HingeLossParameter::L2) {}

  // Forward keeps the labels.
  Contract contract() const override {
    return Contract().bottoms(2).tops(1).is_loss().no_gradient_to({1}).reads_bottom_data();
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    places_.reshape_records(*bottom[0], *bottom[1]);
    records_ = records_of(*bottom[0]);
    top[0]->reshape({});
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    places_.read(*bottom[1]);
    const real* x = bottom[0]->data();
    const long classes = places_.split().channels;
    const auto other = [=, this](long i) { return cost(1 + x[i]); };
    // The sum leaves out the label's class. It is not subtracted afterwards, since its score may be much larger than
    // the rest.
    const double loss = parallel_sum(places_.count(), 3 * classes, [&](long record) {
      const long first = record * classes, own = first + places_.classes()[record];
      return static_cast<real>(sum(first, own, other) + cost(1 - x[own]) + sum(own + 1, first + classes, other));
    });
    top[0]->mutable_data()[0] = static_cast<real>(loss / records_);
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real* x = bottom[0]->data();
    const real scale = top[0]->diff()[0] / static_cast<real>(records_);
    real* dx = bottom[0]->mutable_diff();
    for_elements(places_.split().count(), 3, [=, this](long i) { dx[i] = scale * slope(1 + x[i]); });
    for_elements(places_.count(), 4, [&](long record) {
      const long own = places_.labeled(record);
      dx[own] = -scale * slope(1 - x[own]);
    });
  }

 private:
  real cost(real missing) const {
    const real positive = std::max(missing, real{0});
    return squared_ ? positive * positive : positive;
  }
  real slope(real missing) const { return squared_ ? 2 * std::max(missing, real{0}) : static_cast<real>(missing > 0); }

  bool squared_;
  LabeledPlaces places_;
  double records_ = 1;
};

const RegisterLayer<HingeLoss> registered("HingeLoss", "hinge_loss_param");

}  // namespace
}  // namespace crema

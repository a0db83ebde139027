// MultinomialLogisticLoss:  loss = -1/N sum over records of ln p[label].  As in Caffe, p below 1e-20 counts as 1e-20.
// bottom[0] p: probabilities, N records of C numbers.  bottom[1]: labels, one for each record (N).
// top[0]: the loss, a scalar.  Rejects labels that are not whole numbers in [0, C).
// For scores that no Softmax has been over, SoftmaxWithLoss is more exact.
#include <algorithm>
#include <cmath>

#include "core/labels.h"
#include "core/layer.h"

namespace crema {
namespace {

constexpr real kSmallest = static_cast<real>(1e-20);

class MultinomialLogisticLoss final : public Layer {
 public:
  explicit MultinomialLogisticLoss(const LayerParameter&) {}

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
    const real* p = bottom[0]->data();
    const double loss = parallel_sum(
        places_.count(), 10, [&](long record) { return -std::log(std::max(p[places_.labeled(record)], kSmallest)); });
    top[0]->mutable_data()[0] = static_cast<real>(loss / records_);
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real* p = bottom[0]->data();
    const real scale = top[0]->diff()[0] / static_cast<real>(records_);
    real* dp = bottom[0]->mutable_diff();
    for_elements(places_.split().count(), 1, [=](long i) { dp[i] = 0; });
    for_elements(places_.count(), 4, [&](long record) {
      const long own = places_.labeled(record);
      dp[own] = -scale / std::max(p[own], kSmallest);
    });
  }

 private:
  LabeledPlaces places_;
  double records_ = 1;
};

const RegisterLayer<MultinomialLogisticLoss> registered("MultinomialLogisticLoss");

}  // namespace
}  // namespace crema

// SigmoidCrossEntropyLoss:  loss = -1/m sum of t ln p + (1 - t) ln(1 - p),  p = 1 / (1 + e^-x);  m: by normalization,
// whose default here is BATCH_SIZE;  FULL is by the number of targets, VALID by those that are not ignored.
// bottom[0] x: scores, N records of any size.  bottom[1] t: targets in [0, 1], N records of the same size; no gradient.
// Ignored are, as in Caffe, targets that without their fraction equal ignore_label.  top[0]: the loss, a scalar.
#include <algorithm>
#include <cmath>

#include "core/layer.h"
#include "core/loss.h"
#include "math/loops.h"
#include "math/simd_exp.h"

namespace crema {
namespace {

class SigmoidCrossEntropyLoss final : public Layer {
 public:
  explicit SigmoidCrossEntropyLoss(const LayerParameter& config)
      : normalization_(config.loss_param(), LossParameter::BATCH_SIZE),
        // NaN equals nothing.
        ignored_(normalization_.ignored() ? static_cast<real>(*normalization_.ignored()) : std::nanf("")) {
    refuse_wanted_probabilities(config.loss_param());
  }

  Contract contract() const override {
    return Contract().bottoms(2).tops(1).is_loss().no_gradient_to({1}).reads_bottom_data({0, 1});
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    check_same_records(bottom);
    top[0]->reshape({});
  }

  // -t ln p - (1 - t) ln(1 - p) = max(x, 0) - x t + ln(1 + e^-|x|), which no x overflows.
  void forward(const Bottoms& bottom, const Tops& top) override {
    const long count = bottom[0]->count();
    const real *x = bottom[0]->data(), *t = bottom[1]->data();
    const double loss = parallel_sum(count, 6, [=, ignored = ignored_](long i) {
      const real cost = std::max(x[i], real{0}) - x[i] * t[i] + simd_log1p(simd_exp(-std::abs(x[i])));
      return std::trunc(t[i]) == ignored ? 0 : cost;
    });
    const auto skip = [=, ignored = ignored_](long i) -> real { return std::trunc(t[i]) == ignored; };
    const double skipped = normalization_.ignored() ? parallel_sum(count, 1, skip) : 0;
    divisor_ = normalization_.divisor(bottom[0]->dim(0), count, count - std::lround(skipped));
    top[0]->mutable_data()[0] = static_cast<real>(loss / divisor_);
  }

  // d loss / dx = p - t.
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *t = bottom[1]->data();
    const real scale = top[0]->diff()[0] / static_cast<real>(divisor_);
    real* dx = bottom[0]->mutable_diff();
    for_elements(bottom[0]->count(), 4, [=, ignored = ignored_](long i) {
      const real slope = simd_sigmoid(x[i]) - t[i];
      dx[i] = std::trunc(t[i]) == ignored ? 0 : scale * slope;
    });
  }

 private:
  LossNormalization normalization_;
  real ignored_;
  double divisor_ = 1;
};

const RegisterLayer<SigmoidCrossEntropyLoss> registered("SigmoidCrossEntropyLoss", "loss_param");

}  // namespace
}  // namespace crema

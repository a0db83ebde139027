// ELU:  y = x  for x > 0,  alpha * (e^x - 1)  otherwise.
// SELU:  y = lambda * x  for x > 0,  lambda * alpha * (e^x - 1)  otherwise.
// SeLu:  SELU, under the name that it has in a fork of Caffe.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.  Rejects alpha < 0 and lambda <= 0.
// Clevert et al., 2015, arXiv:1511.07289;  SELU: Klambauer et al., 2017, arXiv:1706.02515.
#include "core/layer.h"
#include "math/loops.h"
#include "math/simd_exp.h"

namespace crema {
namespace {

class Elu final : public Layer {
 public:
  explicit Elu(const LayerParameter& config)
      : alpha_(config.type() == "ELU" ? config.elu_param().alpha() : config.selu_param().alpha()),
        lambda_(config.type() == "ELU" ? 1 : config.selu_param().lambda()) {
    // Otherwise the sign of y would not show the sign of x.
    check(alpha_ >= 0, "alpha is {}; it must not be negative", alpha_);
    check(lambda_ > 0, "lambda is {}; it must be positive", lambda_);
  }

  Contract contract() const override { return Contract().reads_top_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 3, [=, alpha = alpha_, lambda = lambda_](long i) {
      y[i] = lambda * (x[i] > 0 ? x[i] : alpha * simd_expm1(x[i]));
    });
  }

  // For x <= 0, dy/dx = lambda * alpha * e^x = y + lambda * alpha: no second exp, and x is not needed.
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *y = top[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 2, [=, lambda = lambda_, below = lambda_ * alpha_](long i) {
      dx[i] = dy[i] * (y[i] > 0 ? lambda : y[i] + below);
    });
  }

 private:
  real alpha_, lambda_;
};

const RegisterLayer<Elu> registered("ELU", "elu_param"), selu("SELU", "selu_param"),
    selu_as_in_forks("SeLu", "selu_param");

}  // namespace
}  // namespace crema

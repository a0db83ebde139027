// Log:  y = log_base(shift + scale x);  base -1 stands for e.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
// Rejects a base that is neither -1 nor positive, and the base 1.  Where shift + scale x is below 0, y is NaN.
#include <cmath>

#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Log final : public Layer {
 public:
  explicit Log(const LayerParameter& config) : scale_(config.log_param().scale()), shift_(config.log_param().shift()) {
    const double base = config.log_param().base();
    check(base == -1 || (base > 0 && base != 1 && std::isfinite(base)),
          "base is {}; it must be positive and not 1, or -1 for e", base);
    per_ln_ = base == -1 ? 1 : static_cast<real>(1 / std::log(base));
  }

  Contract contract() const override { return Contract().reads_bottom_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top, shift_ == 1); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 8, [=, scale = scale_, shift = shift_, per_ln = per_ln_](long i) {
      y[i] = per_ln * std::log(shift + scale * x[i]);
    });
  }

  // dy/dx = scale / (ln base (shift + scale x)).
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 4, [=, scale = scale_, shift = shift_, slope = scale_ * per_ln_](long i) {
      dx[i] = dy[i] * slope / (shift + scale * x[i]);
    });
  }

 private:
  real scale_, shift_, per_ln_;  // per_ln: 1 / ln base
};

const RegisterLayer<Log> registered("Log", "log_param");

}  // namespace
}  // namespace crema

// Power:  y = (shift + scale x)^power.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
// A negative base with a power that is not whole gives NaN, as pow() does.
#include <cmath>

#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Power final : public Layer {
 public:
  explicit Power(const LayerParameter& config)
      : power_(config.power_param().power()),
        scale_(config.power_param().scale()),
        shift_(config.power_param().shift()),
        slope_(power_ * scale_) {}

  // The gradient is a constant where the function is linear or constant.
  Contract contract() const override {
    return slope_ == 0 || power_ == 1 ? Contract().in_place() : Contract().reads_bottom_data().in_place();
  }

  // Below power 1 the gradient at 0 is infinite, which padding would carry on.
  void reshape(const Bottoms& bottom, const Tops& top) override {
    elementwise(bottom, top, shift_ == 0 && power_ >= 1);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real *x = bottom[0]->data(), power = power_, scale = scale_, shift = shift_;
    real* y = top[0]->mutable_data();
    const long n = top[0]->storage();
    if (slope_ == 0) {
      const real value = power == 0 ? 1 : std::pow(shift, power);
      for_elements(n, 1, [=](long i) { y[i] = value; });
    } else if (power == 1) {
      for_elements(n, 2, [=](long i) { y[i] = shift + scale * x[i]; });
    } else if (power == 2) {
      for_elements(n, 3, [=](long i) { y[i] = (shift + scale * x[i]) * (shift + scale * x[i]); });
    } else {
      for_elements(n, 30, [=](long i) { y[i] = std::pow(shift + scale * x[i], power); });
    }
  }

  // dy/dx = power scale (shift + scale x)^(power - 1): not y / x, which fails at x = 0.
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    const real power = power_, scale = scale_, shift = shift_, slope = slope_;
    real* dx = bottom[0]->mutable_diff();
    const long n = top[0]->storage();
    if (slope == 0 || power == 1) {
      for_elements(n, 1, [=](long i) { dx[i] = slope * dy[i]; });
    } else if (power == 2) {
      for_elements(n, 3, [=](long i) { dx[i] = dy[i] * slope * (shift + scale * x[i]); });
    } else {
      for_elements(n, 30, [=](long i) { dx[i] = dy[i] * slope * std::pow(shift + scale * x[i], power - 1); });
    }
  }

 private:
  real power_, scale_, shift_, slope_;
};

const RegisterLayer<Power> registered("Power", "power_param");

}  // namespace
}  // namespace crema

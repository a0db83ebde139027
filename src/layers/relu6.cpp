// ReLU6:  y = threshold  for x > threshold,  negative_slope * x  for x <= 0,  x  between them.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.  Rejects threshold <= 0 and negative_slope < 0.
// Krizhevsky, 2010, "Convolutional deep belief networks on CIFAR-10".
#include <cmath>

#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Relu6 final : public Layer {
 public:
  explicit Relu6(const LayerParameter& config)
      : threshold_(config.relu6_param().threshold()), slope_(config.relu6_param().negative_slope()) {
    check(threshold_ > 0, "threshold is {}; it must be positive", threshold_);
    // Otherwise the sign of y would not show the sign of x.
    check(slope_ >= 0 && std::isfinite(slope_), "negative_slope is {}; it must not be negative", slope_);
  }

  Contract contract() const override { return Contract().reads_top_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 1, [=, threshold = threshold_, slope = slope_](long i) {
      const real leaky = x[i] > 0 ? x[i] : slope * x[i];
      y[i] = leaky > threshold ? threshold : leaky;  // NaN stays NaN
    });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *y = top[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 1, [=, threshold = threshold_, slope = slope_](long i) {
      const real leaky = y[i] > 0 ? dy[i] : slope * dy[i];
      dx[i] = y[i] >= threshold ? 0 : leaky;
    });
  }

 private:
  real threshold_, slope_;
};

const RegisterLayer<Relu6> registered("ReLU6", "relu6_param");

}  // namespace
}  // namespace crema

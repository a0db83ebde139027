// Threshold:  y = 1  for x > threshold,  0  otherwise.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.  No gradient passes.
#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Threshold final : public Layer {
 public:
  explicit Threshold(const LayerParameter& config) : threshold_(config.threshold_param().threshold()) {}

  Contract contract() const override { return Contract().no_backward().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top, threshold_ >= 0); }

  // NaN stays NaN: 0 would hide a failed training.
  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 1, [=, threshold = threshold_](long i) {
      const real low = x[i] <= threshold ? 0 : x[i];
      y[i] = x[i] > threshold ? 1 : low;
    });
  }

  void backward(const Tops&, const PropagateDown&, const Bottoms&) override {}

 private:
  real threshold_;
};

const RegisterLayer<Threshold> registered("Threshold", "threshold_param");

}  // namespace
}  // namespace crema

// ReLU:  y = x  for x > 0,  negative_slope * x  otherwise.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
// Nair and Hinton, 2010, ICML; leaky: Maas et al., 2013, ICML workshop on deep learning for audio, speech and language.
#include <cmath>

#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Relu final : public Layer {
 public:
  explicit Relu(const LayerParameter& config) : slope_(config.relu_param().negative_slope()) {
    check(std::isfinite(slope_), "negative_slope is {}; it must be a finite number", slope_);
  }

  Contract contract() const override {
    return sees_top() ? Contract().reads_top_data().in_place() : Contract().reads_bottom_data();
  }

  Epilogue epilogue() override { return {.kind = Epilogue::relu, .slope = slope_}; }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    elementwise(bottom, top);
    count_ = top[0]->storage();
  }

  // NaN stays NaN. The engine's primitive would turn it into 0 and hide a failed training.
  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(count_, 1, [x, y, slope = slope_](long i) { y[i] = x[i] > 0 ? x[i] : slope * x[i]; });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *seen = sees_top() ? top[0]->data() : bottom[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(count_, 1, [=, slope = slope_](long i) { dx[i] = seen[i] > 0 ? dy[i] : slope * dy[i]; });
  }

 private:
  // y > 0 exactly where x > 0, unless the slope turns the sign: then x itself is needed.
  bool sees_top() const { return slope_ >= 0; }

  real slope_;
  long count_ = 0;
};

const RegisterLayer<Relu> registered("ReLU", "relu_param");

}  // namespace
}  // namespace crema

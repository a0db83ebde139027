// Sigmoid:  y = 1 / (1 + e^-x).
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
#include "core/layer.h"
#include "math/loops.h"
#include "math/simd_exp.h"

namespace crema {
namespace {

class Sigmoid final : public Layer {
 public:
  explicit Sigmoid(const LayerParameter&) {}

  Contract contract() const override { return Contract().reads_top_data().in_place(); }

  // y = 1/2 where x = 0: padding would not stay zero.
  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top, false); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 3, [=](long i) { y[i] = simd_sigmoid(x[i]); });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *y = top[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 2, [=](long i) { dx[i] = dy[i] * y[i] * (1 - y[i]); });
  }
};

const RegisterLayer<Sigmoid> registered("Sigmoid", "sigmoid_param");

}  // namespace
}  // namespace crema

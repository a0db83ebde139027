// Cos:  y = cos x.  Over a linear layer with fixed random weights and biases: random Fourier features.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
// Rahimi and Recht, 2007, NIPS.
#include <cmath>

#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Cos final : public Layer {
 public:
  explicit Cos(const LayerParameter&) {}

  Contract contract() const override { return Contract().reads_bottom_data().in_place(); }

  // y = 1 where x = 0: padding would not stay zero.
  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top, false); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 10, [=](long i) { y[i] = std::cos(x[i]); });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 10, [=](long i) { dx[i] = -dy[i] * std::sin(x[i]); });
  }
};

const RegisterLayer<Cos> registered("Cos");

}  // namespace
}  // namespace crema

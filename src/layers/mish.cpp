// Mish:  y = x tanh(ln(1 + e^x)).
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
// Misra, 2019, arXiv:1908.08681.
#include <cmath>

#include "core/layer.h"
#include "math/loops.h"
#include "math/simd_exp.h"

namespace crema {
namespace {

// tanh(ln(1 + e)) = n / (n + 2)  with  n = e (e + 2): this needs one exp. From kOne on the value is 1, in double as
// well, so e^x need not overflow. NaN stays NaN.
constexpr real kOne = 20;

real bounded(real x) { return x > kOne ? kOne : x; }

class Mish final : public Layer {
 public:
  explicit Mish(const LayerParameter&) {}

  Contract contract() const override { return Contract().reads_bottom_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 4, [=](long i) {
      const real e = simd_exp(bounded(x[i])), n = e * (e + 2);
      y[i] = x[i] * (n / (n + 2));
    });
  }

  // With n' = 2 e (e + 1): dy/dx = n / (n + 2) + 2 x n' / (n + 2)^2.
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 6, [=](long i) {
      const real t = bounded(x[i]), e = simd_exp(t), n = e * (e + 2), r = 1 / (n + 2);
      dx[i] = dy[i] * r * (n + 4 * t * e * (e + 1) * r);
    });
  }
};

const RegisterLayer<Mish> registered("Mish");

}  // namespace
}  // namespace crema

// Swish:  y = x / (1 + e^(-beta x)).
// SiLU:  y = x / (1 + e^-x).
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
// Ramachandran et al., 2017, arXiv:1710.05941;  SiLU: Elfwing et al., 2017, arXiv:1702.03118.
#include <cmath>

#include "core/layer.h"
#include "math/loops.h"
#include "math/simd_exp.h"

namespace crema {
namespace {

class Swish final : public Layer {
 public:
  explicit Swish(const LayerParameter& config) : beta_(config.type() == "Swish" ? config.swish_param().beta() : 1) {
    check(std::isfinite(beta_), "beta is {}; it must be a finite number", beta_);
  }

  Contract contract() const override { return Contract().reads_bottom_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 3, [=, beta = beta_](long i) { y[i] = x[i] * simd_sigmoid(beta * x[i]); });
  }

  // With s = 1 / (1 + e^(-beta x)): dy/dx = s + beta x s (1 - s).
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 5, [=, beta = beta_](long i) {
      const real s = simd_sigmoid(beta * x[i]);
      dx[i] = dy[i] * s * (1 + beta * x[i] * (1 - s));
    });
  }

 private:
  real beta_;
};

const RegisterLayer<Swish> registered("Swish", "swish_param"), silu("SiLU");

}  // namespace
}  // namespace crema

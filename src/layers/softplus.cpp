// Softplus:  y = ln(1 + e^(beta x)) / beta.
// BNLL:  y = ln(1 + e^x).
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.  Rejects beta <= 0.
// Dugas et al., 2001, NIPS.
#include <cmath>

#include "core/layer.h"
#include "math/loops.h"
#include "math/simd_exp.h"

namespace crema {
namespace {

class Softplus final : public Layer {
 public:
  explicit Softplus(const LayerParameter& config)
      : beta_(config.type() == "Softplus" ? config.softplus_param().beta() : 1) {
    check(beta_ > 0 && std::isfinite(beta_), "beta is {}; it must be positive", beta_);
  }

  Contract contract() const override { return Contract().reads_top_data().in_place(); }

  // y is not 0 where x = 0: padding would not stay zero.
  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top, false); }

  // ln(1 + e^t) = max(t, 0) + ln(1 + e^-|t|), which does not overflow.
  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 5, [=, beta = beta_, per_beta = 1 / beta_](long i) {
      const real t = beta * x[i];
      y[i] = ((t > 0 ? t : 0) + simd_log1p(simd_exp(-std::abs(t)))) * per_beta;
    });
  }

  // dy/dx = e^t / (1 + e^t) = 1 - e^(-beta y): x is not needed.
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *y = top[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 4, [=, beta = beta_](long i) { dx[i] = -dy[i] * simd_expm1(-beta * y[i]); });
  }

 private:
  real beta_;
};

const RegisterLayer<Softplus> registered("Softplus", "softplus_param"), bnll("BNLL");

}  // namespace
}  // namespace crema

// GELU:  y = x P(X <= x) = x / 2 (1 + erf(x / sqrt 2)),  X ~ N(0, 1);  with approximate TANH
// y = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
// Hendrycks and Gimpel, 2016, arXiv:1606.08415.
#include <cmath>
#include <numbers>

#include "core/layer.h"
#include "math/loops.h"
#include "math/simd_normal.h"

namespace crema {
namespace {

using std::numbers::inv_sqrtpi, std::numbers::sqrt2;

// The TANH form is x s(u) with the sigmoid s and u = kLinear x + kCubic x^3, since (1 + tanh v) / 2 = s(2 v).
constexpr real kLinear = static_cast<real>(2 * sqrt2 * inv_sqrtpi), kCubic = static_cast<real>(0.044715 * kLinear);

real sigmoid_of_cubic(real x) { return simd_sigmoid(x * (kLinear + kCubic * x * x)); }

class Gelu final : public Layer {
 public:
  explicit Gelu(const LayerParameter& config) : tanh_(config.gelu_param().approximate() == GELUParameter::TANH) {}

  Contract contract() const override { return Contract().reads_bottom_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    const long n = top[0]->storage();
    if (tanh_) {
      for_elements(n, 4, [=](long i) { y[i] = x[i] * sigmoid_of_cubic(x[i]); });
    } else {
      for_elements(n, 6, [=](long i) { y[i] = x[i] * simd_normal(x[i]).below; });
    }
  }

  // (x P)' = P + x p, with the density p;  (x s(u))' = s + s (1 - s) x u', in this order: s (1 - s) is 0 before the
  // rest overflows.
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    const long n = top[0]->storage();
    if (tanh_) {
      for_elements(n, 6, [=](long i) {
        const real s = sigmoid_of_cubic(x[i]);
        dx[i] = dy[i] * (s + s * (1 - s) * x[i] * (kLinear + 3 * kCubic * x[i] * x[i]));
      });
    } else {
      for_elements(n, 7, [=](long i) {
        const Normal normal = simd_normal(x[i]);
        dx[i] = dy[i] * (normal.below + x[i] * normal.density);
      });
    }
  }

 private:
  bool tanh_;
};

const RegisterLayer<Gelu> registered("GELU", "gelu_param");

}  // namespace
}  // namespace crema

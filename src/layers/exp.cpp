// Exp:  y = base^(shift + scale x);  base -1 stands for e.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.  Rejects a base that is neither -1 nor positive.
#include <cmath>

#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Exp final : public Layer {
 public:
  explicit Exp(const LayerParameter& config) {
    const ExpParameter& exp = config.exp_param();
    const double base = exp.base();
    check(base == -1 || (base > 0 && std::isfinite(base)), "base is {}; it must be positive, or -1 for e", base);
    const double ln_base = base == -1 ? 1 : std::log(base);
    scale_ = static_cast<real>(ln_base * exp.scale());
    shift_ = static_cast<real>(ln_base * exp.shift());
  }

  Contract contract() const override { return Contract().reads_top_data().in_place(); }

  // y is not 0 where x = 0: padding would not stay zero.
  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top, false); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 8,
                 [=, scale = scale_, shift = shift_](long i) { y[i] = std::exp(shift + scale * x[i]); });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *y = top[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 1, [=, scale = scale_](long i) { dx[i] = dy[i] * y[i] * scale; });
  }

 private:
  real scale_, shift_;  // of y = e^(shift + scale x)
};

const RegisterLayer<Exp> registered("Exp", "exp_param");

}  // namespace
}  // namespace crema

// ELU:  y = x  for x > 0,  alpha * (e^x - 1)  otherwise.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
// Clevert et al., 2015, arXiv:1511.07289.
#include <cmath>

#include "base/parallel.h"
#include "core/layer.h"

namespace crema {
namespace {

class Elu final : public Layer {
 public:
  explicit Elu(const LayerParameter& config) : alpha_(config.elu_param().alpha()) {
    check(alpha_ >= 0, "alpha is {}; it must not be negative", alpha_);  // the sign of y would no longer tell that of x
  }

  Contract contract() const override { return Contract().reads_top_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    parallel_for(top[0]->storage(), 8, [&](long begin, long end) {
      for (long i = begin; i < end; ++i) y[i] = x[i] > 0 ? x[i] : alpha_ * std::expm1(x[i]);
    });
  }

  // For x <= 0, dy/dx = alpha * e^x = y + alpha: no second exp, and x is not needed.
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *y = top[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    parallel_for(top[0]->storage(), 2, [&](long begin, long end) {
      for (long i = begin; i < end; ++i) dx[i] = y[i] > 0 ? dy[i] : dy[i] * (y[i] + alpha_);
    });
  }

 private:
  real alpha_;
};

const RegisterLayer<Elu> registered("ELU", "elu_param");

}  // namespace
}  // namespace crema

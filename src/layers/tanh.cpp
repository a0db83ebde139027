// TanH:  y = (e^x - e^-x) / (e^x + e^-x).
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
#include "core/layer.h"
#include "math/loops.h"
#include "math/simd_exp.h"

namespace crema {
namespace {

class Tanh final : public Layer {
 public:
  explicit Tanh(const LayerParameter&) {}

  Contract contract() const override { return Contract().reads_top_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 4, [=](long i) { y[i] = simd_tanh(x[i]); });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *y = top[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 2, [=](long i) { dx[i] = dy[i] * (1 - y[i] * y[i]); });
  }
};

const RegisterLayer<Tanh> registered("TanH", "tanh_param");

}  // namespace
}  // namespace crema

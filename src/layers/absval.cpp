// AbsVal:  y = |x|.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.  The gradient at 0 is 0.
#include <cmath>

#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class AbsVal final : public Layer {
 public:
  explicit AbsVal(const LayerParameter&) {}

  Contract contract() const override { return Contract().reads_bottom_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 1, [=](long i) { y[i] = std::abs(x[i]); });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 1, [=](long i) { dx[i] = x[i] == 0 ? 0 : std::copysign(real{1}, x[i]) * dy[i]; });
  }
};

const RegisterLayer<AbsVal> registered("AbsVal");

}  // namespace
}  // namespace crema

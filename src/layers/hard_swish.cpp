// HardSwish:  y = x s(x)  with  s(x) = min(max(x + 3, 0), 6) / 6.
// HardSigmoid:  y = s(x).
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
// Howard et al., 2019, arXiv:1905.02244.
#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

constexpr real kSixth = real{1} / 6;

// NaN is in no part of the line, and all of these functions keep it.
real hard_sigmoid(real x) {
  const real middle = (x + 3) * kSixth, below = x <= -3 ? 0 : middle;
  return x >= 3 ? 1 : below;
}

class HardSwish final : public Layer {
 public:
  explicit HardSwish(const LayerParameter&) {}

  Contract contract() const override { return Contract().reads_bottom_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 4, [=](long i) { y[i] = x[i] * hard_sigmoid(x[i]); });
  }

  // dy/dx = 0, (2 x + 3) / 6, 1.
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 4, [=](long i) {
      const real middle = (2 * x[i] + 3) * kSixth, below = x[i] <= -3 ? 0 : middle;
      dx[i] = dy[i] * (x[i] >= 3 ? 1 : below);
    });
  }
};

class HardSigmoid final : public Layer {
 public:
  explicit HardSigmoid(const LayerParameter&) {}

  Contract contract() const override { return Contract().reads_top_data().in_place(); }

  // y = 1/2 where x = 0: padding would not stay zero.
  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top, false); }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 4, [=](long i) { y[i] = hard_sigmoid(x[i]); });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *y = top[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 1, [=](long i) {
      const bool flat = (y[i] <= 0) | (y[i] >= 1);  // no branch, so that the loop becomes vector selects
      dx[i] = flat ? 0 : dy[i] * kSixth;
    });
  }
};

const RegisterLayer<HardSwish> hard_swish("HardSwish");
const RegisterLayer<HardSigmoid> hard_sigmoid_type("HardSigmoid");

}  // namespace
}  // namespace crema

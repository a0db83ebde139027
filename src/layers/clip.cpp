// Clip:  y = min  for x < min,  max  for x > max,  x  otherwise.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.  Rejects min > max.
// The gradient passes where min <= x <= max.
#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Clip final : public Layer {
 public:
  explicit Clip(const LayerParameter& config) : min_(config.clip_param().min()), max_(config.clip_param().max()) {
    check(config.has_clip_param(), "clip_param is missing; it must give min and max");
    check(min_ <= max_, "min is {} and max is {}; min must not be above max", min_, max_);
  }

  Contract contract() const override { return Contract().reads_bottom_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override { elementwise(bottom, top, min_ <= 0 && max_ >= 0); }

  // NaN is neither below min nor above max, so it stays NaN.
  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_elements(top[0]->storage(), 1, [=, min = min_, max = max_](long i) {
      const real below = x[i] > max ? max : x[i];
      y[i] = below < min ? min : below;
    });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_elements(top[0]->storage(), 1, [=, min = min_, max = max_](long i) {
      const bool outside = (x[i] < min) | (x[i] > max);  // no branch, so that the loop becomes vector selects
      dx[i] = outside ? 0 : dy[i];
    });
  }

 private:
  real min_, max_;
};

const RegisterLayer<Clip> registered("Clip", "clip_param");

}  // namespace
}  // namespace crema

// SmoothL1Loss:  loss = 1/N sum w_out f(w_in (a - b)),  f(v) = sigma^2 v^2 / 2  for |v| < 1 / sigma^2,
// |v| - 1 / (2 sigma^2)  otherwise.
// bottom[0] a, bottom[1] b: N records of equal size; both take a gradient.  bottom[2] w_in, bottom[3] w_out, optional:
// weights of that size (1 where absent), which take none.  top[0]: the loss, a scalar.  Rejects sigma <= 0.
// Girshick, 2015, arXiv:1504.08083; sigma and w_out are those of Ren et al., 2015, arXiv:1506.01497.
#include <algorithm>
#include <cmath>

#include "core/layer.h"
#include "core/loss.h"
#include "math/loops.h"

namespace crema {
namespace {

class SmoothL1Loss final : public Layer {
 public:
  explicit SmoothL1Loss(const LayerParameter& config) {
    const float sigma = config.smooth_l1_loss_param().sigma();
    check(sigma > 0, "sigma is {}; it must be positive", sigma);
    curvature_ = static_cast<real>(sigma) * static_cast<real>(sigma);
  }

  Contract contract() const override {
    return Contract().bottoms(2, 4).tops(1).is_loss().no_gradient_to({2, 3}).reads_bottom_data({0, 1, 2, 3});
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    for (size_t k = 1; k < bottom.size(); ++k) check_same_records(bottom, k);
    top[0]->reshape({});
  }

  // f(v) = sigma^2 u^2 / 2 + |v| - u,  u = min(|v|, 1 / sigma^2).
  void forward(const Bottoms& bottom, const Tops& top) override {
    double loss = 0;
    with_weights(bottom, [&](const auto& inside, const auto& outside) {
      loss = parallel_sum(
          bottom[0]->count(), 6,
          [=, a = bottom[0]->data(), b = bottom[1]->data(), curvature = curvature_, knee = 1 / curvature_](long i) {
            const real v = std::abs(inside(i) * (a[i] - b[i])), u = std::min(v, knee);
            return outside(i) * (curvature * u * u / 2 + (v - u));
          });
    });
    top[0]->mutable_data()[0] = static_cast<real>(loss / records_of(*bottom[0]));
  }

  // f'(v) = sigma^2 v, cut off at -1 and 1.
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real scale = top[0]->diff()[0] / static_cast<real>(records_of(*bottom[0]));
    for (size_t k = 0; k < 2; ++k) {
      if (!down[k]) continue;
      with_weights(bottom, [&](const auto& inside, const auto& outside) {
        for_elements(bottom[0]->count(), 6,
                     [=, a = bottom[0]->data(), b = bottom[1]->data(), d = bottom[k]->mutable_diff(),
                      curvature = curvature_, factor = k == 0 ? scale : -scale](long i) {
                       const real slope = curvature * inside(i) * (a[i] - b[i]);
                       d[i] = factor * outside(i) * inside(i) * std::max(real{-1}, std::min(slope, real{1}));
                     });
      });
    }
  }

 private:
  // Calls f with functions that return w_in and w_out for an element.
  template <typename F>
  static void with_weights(const Bottoms& bottom, const F& f) {
    const auto one = [](long) { return real{1}; };
    const auto of = [&](size_t k) { return [w = bottom[k]->data()](long i) { return w[i]; }; };
    if (bottom.size() == 2) return f(one, one);
    if (bottom.size() == 3) return f(of(2), one);
    f(of(2), of(3));
  }

  real curvature_;  // sigma^2
};

const RegisterLayer<SmoothL1Loss> registered("SmoothL1Loss", "smooth_l1_loss_param");

}  // namespace
}  // namespace crema

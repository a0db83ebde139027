// EuclideanLoss:  loss = 1/(2N) sum (a - b)^2.
// bottom[0] a, bottom[1] b: N records of equal size; both take a gradient.  top[0]: the loss, a scalar.  No parameters.
#include "core/layer.h"
#include "core/loss.h"
#include "math/loops.h"

namespace crema {
namespace {

class EuclideanLoss final : public Layer {
 public:
  explicit EuclideanLoss(const LayerParameter&) {}

  Contract contract() const override { return Contract().bottoms(2).tops(1).is_loss().reads_bottom_data({0, 1}); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    check_same_records(bottom);
    records_ = static_cast<real>(records_of(*bottom[0]));
    top[0]->reshape({});
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real *a = bottom[0]->data(), *b = bottom[1]->data();
    const double squares = parallel_sum(bottom[0]->count(), 2, [=](long i) { return (a[i] - b[i]) * (a[i] - b[i]); });
    top[0]->mutable_data()[0] = static_cast<real>(squares / records_ / 2);
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real *a = bottom[0]->data(), *b = bottom[1]->data();
    for (size_t k = 0; k < 2; ++k) {
      if (!down[k]) continue;
      const real scale = (k == 0 ? 1 : -1) * top[0]->diff()[0] / records_;
      real* d = bottom[k]->mutable_diff();
      for_elements(bottom[k]->count(), 2, [=](long i) { d[i] = scale * (a[i] - b[i]); });
    }
  }

 private:
  real records_ = 1;
};

const RegisterLayer<EuclideanLoss> registered("EuclideanLoss");

}  // namespace
}  // namespace crema

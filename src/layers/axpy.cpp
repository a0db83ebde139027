// Axpy:  y = a x + b,  where each channel of each record of x has one factor (Hu et al., 2017, arXiv:1709.01507: the
// end of a block of a Squeeze-and-Excitation network).
// bottom[0] a: (N, C), or (N, C, 1, ...).  bottom[1] x: (N, C, ...).  bottom[2] b: the shape of x.
// top[0] y: the shape of x.  No parameters.  Rejects other shapes.
#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Axpy final : public Layer {
 public:
  explicit Axpy(const LayerParameter&) {}

  Contract contract() const override {
    return Contract().bottoms(3).reads_bottom_data({0, 1}).in_place(2, 0).in_place(1, 0);
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape &a = bottom[0]->shape(), &x = bottom[1]->shape(), &b = bottom[2]->shape();
    check(x.axes() >= 2, "bottom 1 has the shape {}; expected records, channels, and any other axes", x.str());
    check(b == x, "bottom 2 has the shape {}; expected that of bottom 1, {}", b.str(), x.str());
    check(a.axes() >= 2 && a[0] == x[0] && a[1] == x[1] && a.count_from(2) == 1,
          "bottom 0 has the shape {}; expected a number for each of the {} channels of {} records", a.str(), x[1],
          x[0]);
    factors_.channels = a.count();
    factors_.inner = x.count_from(2);
    top[0]->reshape(x);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real *a = bottom[0]->data(), *x = bottom[1]->data(), *b = bottom[2]->data();
    real* y = top[0]->mutable_data();
    for_channels(factors_, 2, [=](long c, long i) { y[i] = a[c] * x[i] + b[i]; });
  }

  // db is written after da, and dx last, since db or dx may overwrite dy.
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real *a = bottom[0]->data(), *x = bottom[1]->data(), *dy = top[0]->diff();
    if (down[0]) {
      real* da = bottom[0]->mutable_diff();
      parallel_for(factors_.channels, factors_.inner, [=, n = factors_.inner](long begin, long end) {
        for (long c = begin; c < end; ++c) {
          da[c] = static_cast<real>(sum(c * n, (c + 1) * n, [=](long i) { return x[i] * dy[i]; }));
        }
      });
    }
    if (down[2]) copy_elements(factors_.count(), dy, bottom[2]->mutable_diff());
    if (!down[1]) return;
    real* dx = bottom[1]->mutable_diff();
    for_channels(factors_, 1, [=](long c, long i) { dx[i] = a[c] * dy[i]; });
  }

 private:
  AxisSplit factors_;
};

const RegisterLayer<Axpy> registered("Axpy");

}  // namespace
}  // namespace crema

// LSTMUnit:  c = cont f c_prev + i g,  h = o tanh(c),  with  i, f, o = sigmoid,  g = tanh  of the four parts of x.
// bottom[0] c_prev: (1, N, D).  bottom[1] x: (1, N, 4 D), the inputs of i, f, o and g in this order.
// bottom[2] cont: (1, N), 0 where a sequence begins, else 1; takes no gradient.  top[0] c, top[1] h: (1, N, D).
// No parameters.  Rejects other shapes.
// Hochreiter and Schmidhuber, 1997, with the forget gate of Gers et al., 2000.
#include "base/parallel.h"
#include "core/layer.h"
#include "math/lstm_row.h"

namespace crema {
namespace {

class LstmUnit final : public Layer {
 public:
  explicit LstmUnit(const LayerParameter&) {}

  // Forward keeps the gates, so x may be overwritten after it.
  Contract contract() const override {
    return Contract().bottoms(3).tops(2).no_gradient_to({2}).reads_bottom_data({0, 2}).reads_top_data({0});
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape &c = bottom[0]->shape(), &x = bottom[1]->shape(), &cont = bottom[2]->shape();
    check(c.axes() == 3 && c[0] == 1, "bottom 0 has shape {}; expected 1 N D", c.str());
    records_ = c[1];
    cells_ = c[2];
    const Shape inputs{1, records_, 4 * cells_}, flags{1, records_};
    check(x == inputs, "bottom 1 has shape {}; with bottom 0 of {}, expected {}", x.str(), c.str(), inputs.str());
    check(cont == flags, "bottom 2 has shape {}; with bottom 0 of {}, expected {}", cont.str(), c.str(), flags.str());
    gates_.grow(inputs.count());
    top[0]->reshape(c);
    top[1]->reshape(c);
  }

  OwnMemory own_memory(bool) const override { return {gates_.size() * static_cast<long>(sizeof(real)), 0}; }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real *c_prev = bottom[0]->data(), *x = bottom[1]->data(), *cont = bottom[2]->data();
    real *c = top[0]->mutable_data(), *h = top[1]->mutable_data();
    parallel_for(records_, 40 * cells_, [&](long begin, long end) {
      for (long n = begin; n < end; ++n) {
        const long at = n * cells_;
        lstm_row(cells_, cont[n], c_prev + at, x + 4 * at, gates_.data() + 4 * at, c + at, h + at);
      }
    });
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real *c_prev = bottom[0]->data(), *cont = bottom[2]->data(), *c = top[0]->data();
    const real *dc = top[0]->diff(), *dh = top[1]->diff();
    real* dc_prev = down[0] ? bottom[0]->mutable_diff() : scratch(records_ * cells_);
    real* dx = down[1] ? bottom[1]->mutable_diff() : scratch(4 * records_ * cells_);
    parallel_for(records_, 40 * cells_, [&](long begin, long end) {
      for (long n = begin; n < end; ++n) {
        const long at = n * cells_;
        lstm_row_gradient(cells_, cont[n], c_prev + at, gates_.data() + 4 * at, c + at, dh + at, dc + at, dx + 4 * at,
                          dc_prev + at);
      }
    });
  }

 private:
  long records_ = 0, cells_ = 0;
  Buffer gates_;
};

const RegisterLayer<LstmUnit> registered("LSTMUnit");

}  // namespace
}  // namespace crema

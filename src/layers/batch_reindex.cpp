// BatchReindex:  y[i] = x[j[i]]: records picked by their index, any of them any number of times.
// bottom[0] x: (N, ...).  bottom[1] j: (M) whole numbers in [0, N); takes no gradient.  top[0] y: (M, ...).
// No parameters.  Rejects an index that is no record of x.
#include "core/indices.h"
#include "core/layer.h"
#include "math/gather.h"

namespace crema {
namespace {

class BatchReindex final : public Layer {
 public:
  explicit BatchReindex(const LayerParameter&) {}

  Contract contract() const override { return Contract().bottoms(2).no_gradient_to({1}); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape &x = bottom[0]->shape(), &j = bottom[1]->shape();
    check(x.axes() > 0, "bottom 0 is a scalar; its axis 0 is picked from");
    check(j.axes() == 1, "bottom 1 ({}) must have one axis, of indices", j.str());
    std::vector<long> y = x.dims();
    y[0] = j[0];
    top[0]->reshape(Shape(y));
    picks_.resize(j[0]);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    read_indices(*bottom[1], bottom[0]->dim(0), "records", picks_);
    gather_rows(picks_, bottom[0]->shape().count_from(1), bottom[0]->data(), top[0]->mutable_data());
  }

  // dx[k] = the sum of dy[i] over all i with j[i] = k.
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    if (!down[0]) return;
    const Shape& x = bottom[0]->shape();
    scatter_rows(picks_, x.count_from(1), top[0]->diff(), 0, x[0], bottom[0]->mutable_diff());
  }

 private:
  BufferOf<int> picks_;  // the indices of the last forward pass
};

const RegisterLayer<BatchReindex> registered("BatchReindex");

}  // namespace
}  // namespace crema

// Softmax:  y_c = e^x_c / sum_k e^x_k  along one axis.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
#include "math/softmax.h"

#include "core/layer.h"

namespace crema {
namespace {

class Softmax final : public Layer {
 public:
  explicit Softmax(const LayerParameter& config) : axis_(config.softmax_param().axis()) {}

  Contract contract() const override { return Contract().reads_top_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    split_ = AxisSplit(shape, shape.canonical(axis_));
    top[0]->reshape(shape);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    softmax(split_, bottom[0]->data(), top[0]->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    softmax_gradient(split_, top[0]->data(), top[0]->diff(), bottom[0]->mutable_diff());
  }

 private:
  int axis_;
  AxisSplit split_;
};

const RegisterLayer<Softmax> registered("Softmax", "softmax_param");

}  // namespace
}  // namespace crema

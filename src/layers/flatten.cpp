// Flatten: the axes from `axis` to `end_axis` become one. The elements stay where they are.
// bottom[0]: any shape with these axes.  top[0]: (..., their product, ...).  No parameters.
#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Flatten final : public Layer {
 public:
  explicit Flatten(const LayerParameter& config)
      : axis_(config.flatten_param().axis()), end_axis_(config.flatten_param().end_axis()) {}

  Contract contract() const override { return Contract().view().diff_views(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    const int first = shape.canonical(axis_), last = shape.canonical(end_axis_, "end_axis");
    check(first <= last, "axis {} lies behind end_axis {} in the {}-axis shape {}", axis_, end_axis_, shape.axes(),
          shape.str());
    std::vector<long> dims(shape.dims().begin(), shape.dims().begin() + first);
    dims.push_back(shape.count(first, last + 1));
    dims.insert(dims.end(), shape.dims().begin() + last + 1, shape.dims().end());
    top[0]->reshape(Shape(std::move(dims)));
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    copy_elements(top[0]->count(), bottom[0]->data(), top[0]->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    copy_elements(top[0]->count(), top[0]->diff(), bottom[0]->mutable_diff());
  }

 private:
  int axis_, end_axis_;
};

const RegisterLayer<Flatten> registered("Flatten", "flatten_param");

}  // namespace
}  // namespace crema

// Reshape:  the elements of x, in their order, in another shape: num_axes axes from `axis` on give way to shape.
// bottom[0] x: any shape.  top[0]: as many elements.  No parameters.
// In shape, 0 stands for the size that x has at this place, and -1, once, for what is left. A negative axis counts from
// behind the last one: -1 appends.
#include <algorithm>

#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Reshape final : public Layer {
 public:
  explicit Reshape(const LayerParameter& config)
      : dims_(config.reshape_param().shape().dim().begin(), config.reshape_param().shape().dim().end()),
        axis_(config.reshape_param().axis()),
        num_axes_(config.reshape_param().num_axes()) {
    check(num_axes_ >= -1, "num_axes is {}; it must be -1 or more", num_axes_);
    check(std::count(dims_.begin(), dims_.end(), -1) <= 1, "shape {} has several -1; one size can be left open",
          fmt::join(dims_, " "));
    for (const long dim : dims_) check(dim >= -1, "shape has a size of {}; expected -1 or more", dim);
  }

  Contract contract() const override { return Contract().view().diff_views(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    const int first = axis_ >= 0 ? axis_ : x.axes() + axis_ + 1;
    check(first >= 0 && first <= x.axes(), "axis {} is out of range for the {}-axis shape {}", axis_, x.axes(),
          x.str());
    const int last = num_axes_ < 0 ? x.axes() : first + num_axes_;
    check(last <= x.axes(), "num_axes is {} from axis {} on, and bottom 0 ({}) has {} axes", num_axes_, first, x.str(),
          x.axes());
    std::vector<long> dims(x.dims().begin(), x.dims().begin() + first);
    for (size_t k = 0; k < dims_.size(); ++k)
      dims.push_back(dims_[k] == 0 ? size_at(x, first + static_cast<int>(k)) : dims_[k]);
    dims.insert(dims.end(), x.dims().begin() + last, x.dims().end());
    infer(x, dims);
    const Shape y(std::move(dims));
    check(y.count() == x.count(), "shape {} has {} elements, bottom 0 ({}) has {}", y.str(), y.count(), x.str(),
          x.count());
    top[0]->reshape(y);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    copy_elements(top[0]->count(), bottom[0]->data(), top[0]->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    copy_elements(top[0]->count(), top[0]->diff(), bottom[0]->mutable_diff());
  }

 private:
  static long size_at(const Shape& x, int axis) {
    check(axis < x.axes(), "shape has a 0 for axis {}, which bottom 0 ({}) does not have", axis, x.str());
    return x[axis];
  }

  // Replaces -1.
  static void infer(const Shape& x, std::vector<long>& dims) {
    const auto open = std::find(dims.begin(), dims.end(), -1);
    if (open == dims.end()) return;
    *open = 1;
    const long others = Shape(dims).count();
    check(others > 0 && x.count() % others == 0,
          "{} elements of bottom 0 ({}) cannot be shared among {} for the size -1", x.count(), x.str(), others);
    *open = x.count() / others;
  }

  std::vector<long> dims_;
  int axis_, num_axes_;
};

const RegisterLayer<Reshape> registered("Reshape", "reshape_param");

}  // namespace
}  // namespace crema

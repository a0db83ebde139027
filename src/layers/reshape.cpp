// Reshape:  the elements of x, in their order, in another shape: `shape` replaces num_axes axes from `axis` on.
// bottom[0] x: any shape.  top[0]: as many elements.  No parameters.
// In shape, 0 stands for the size that x has at this place, and -1, once, for what is left. A negative axis counts from
// the end: -1 appends.
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
    check(num_axes_ <= x.axes() - first, "num_axes is {} from axis {} on, and bottom 0 ({}) has {} axes", num_axes_,
          first, x.str(), x.axes());
    const int last = num_axes_ < 0 ? x.axes() : first + num_axes_;
    std::vector<long> dims(x.dims().begin(), x.dims().begin() + first);
    for (size_t k = 0; k < dims_.size(); ++k) {
      const int axis = first + static_cast<int>(k);
      dims.push_back(dims_[k] == 0 ? size_at(x, axis) : dims_[k] < 0 ? open_size(x, first, last) : dims_[k]);
    }
    dims.insert(dims.end(), x.dims().begin() + last, x.dims().end());
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

  // The size that -1 stands for: the product of the sizes from `first` to `last` that are not copied, divided by the
  // given sizes. Copied sizes take no part, so that it also works without any record (after a Filter).
  long open_size(const Shape& x, int first, int last) const {
    std::vector<long> replaced, given;
    for (int axis = first; axis < last; ++axis) {
      const size_t k = static_cast<size_t>(axis - first);
      if (k >= dims_.size() || dims_[k] != 0) replaced.push_back(x[axis]);
    }
    for (size_t k = 0; k < dims_.size(); ++k) {
      if (dims_[k] > 0) given.push_back(dims_[k]);
      if (dims_[k] == 0 && first + static_cast<int>(k) >= last)
        given.push_back(size_at(x, first + static_cast<int>(k)));
    }
    const long all = Shape(replaced).count(), others = Shape(given).count();
    check(others > 0 && all % others == 0, "the -1 of shape {} has no size: {} elements of bottom 0 ({}) among {}",
          fmt::join(dims_, " "), all, x.str(), others);
    return all / others;
  }

  std::vector<long> dims_;
  int axis_, num_axes_;
};

const RegisterLayer<Reshape> registered("Reshape", "reshape_param");

}  // namespace
}  // namespace crema

// Permute:  axis a of y is axis order[a] of x; axes that order does not name follow in theirs.
// bottom[0] x: any shape.  top[0] y: its sizes in that order.  No parameters.
// Rejects an order that names an axis twice or one that x does not have.
// Liu et al., 2016, arXiv:1512.02325 (fork "SSD").
#include <algorithm>

#include "core/layer.h"
#include "math/move.h"

namespace crema {
namespace {

class Permute final : public Layer {
 public:
  explicit Permute(const LayerParameter& config)
      : given_(config.permute_param().order().begin(), config.permute_param().order().end()) {
    for (size_t k = 0; k < given_.size(); ++k) {
      check(std::count(given_.begin(), given_.end(), given_[k]) == 1, "order {} names axis {} twice",
            fmt::join(given_, " "), given_[k]);
    }
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    std::vector<int> order;
    for (const long axis : given_) {
      check(axis < x.axes(), "order {} names axis {}, and bottom 0 ({}) has {} axes", fmt::join(given_, " "), axis,
            x.str(), x.axes());
      order.push_back(static_cast<int>(axis));
    }
    for (int axis = 0; axis < x.axes(); ++axis) {
      if (std::find(given_.begin(), given_.end(), axis) == given_.end()) order.push_back(axis);
    }
    std::vector<long> dims;
    for (const int axis : order) dims.push_back(x[axis]);
    top[0]->reshape(Shape(dims));
    forth_ = Permutation(x.dims(), order);
    back_ = inverse_permutation(x.dims(), order);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    forth_.run(bottom[0]->data(), top[0]->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    back_.run(top[0]->diff(), bottom[0]->mutable_diff());
  }

 private:
  std::vector<long> given_;
  Permutation forth_, back_;
};

const RegisterLayer<Permute> registered("Permute", "permute_param");

}  // namespace
}  // namespace crema

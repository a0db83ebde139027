// ShuffleChannel:  y[n, k group + g] = x[n, g C/group + k]  for g < group, k < C/group.
// bottom[0] x: (N, C, ...).  top[0] y: the shape of x.  No parameters.  Rejects a group that does not divide C.
// Zhang et al., 2017, arXiv:1707.01083.
#include "core/layer.h"
#include "math/move.h"

namespace crema {
namespace {

class ShuffleChannel final : public Layer {
 public:
  explicit ShuffleChannel(const LayerParameter& config) : group_(config.shuffle_channel_param().group()) {
    check(group_ > 0, "group is 0; it must be positive");
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    check(x.axes() >= 2, "bottom 0 ({}) has no axis 1 for channels", x.str());
    check(x[1] % group_ == 0, "{} channels are not divisible by group {}", x[1], group_);
    top[0]->reshape(x);
    const std::vector<long> dims = {x[0], group_, x[1] / group_, x.count_from(2)};
    forth_ = Permutation(dims, {0, 2, 1, 3});
    back_ = inverse_permutation(dims, {0, 2, 1, 3});
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    forth_.run(bottom[0]->data(), top[0]->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    back_.run(top[0]->diff(), bottom[0]->mutable_diff());
  }

 private:
  long group_;
  Permutation forth_, back_;
};

const RegisterLayer<ShuffleChannel> registered("ShuffleChannel", "shuffle_channel_param");

}  // namespace
}  // namespace crema

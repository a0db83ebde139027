// Reorg:  deep[n, (a s + b) C/s^2 + c, i, j] = wide[n, c, i s + a, j s + b]  for a, b < s = stride, with the memory
// seen as wide (N, C/s^2, H s, W s) and deep (N, C, H, W):  y = deep of wide = x,  with reverse y = wide of deep = x.
// bottom[0] x: (N, C, H, W).  top[0] y: (N, C s^2, H/s, W/s), with reverse (N, C/s^2, H s, W s).  No parameters.
// This is darknet's order, which its weights expect: the x that is seen as wide is (N, C, H, W) to all others, and so
// reverse is not the inverse.  Rejects C that s^2 does not divide and, without reverse, H or W that s does not.
// Redmon and Farhadi, 2016, arXiv:1612.08242.
#include "core/layer.h"
#include "math/move.h"

namespace crema {
namespace {

class Reorg final : public Layer {
 public:
  explicit Reorg(const LayerParameter& config)
      : stride_(config.reorg_param().stride()), reverse_(config.reorg_param().reverse()) {
    check(stride_ > 0, "stride is 0; it must be positive");
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    check(x.axes() == 4, "bottom 0 ({}) has {} axes; expected 4: N, C, H, W", x.str(), x.axes());
    const long n = x[0], c = x[1], h = x[2], w = x[3], s = stride_, square = Shape{s, s}.count();
    check(c % square == 0, "{} channels are not divisible by the square of stride {}", c, s);
    // Planes of (H s) x (W s), and the order of axes that takes them apart.
    const std::vector<long> planes = {n, c / square, h, s, w, s};
    const std::vector<int> apart = {0, 3, 5, 1, 2, 4};
    const Permutation to_channels(planes, apart), to_places = inverse_permutation(planes, apart);
    if (reverse_) {
      top[0]->reshape({n, c / square, size_product(h, s, "the height"), size_product(w, s, "the width")});
    } else {
      check(h % s == 0 && w % s == 0, "height {} and width {} are not divisible by stride {}", h, w, s);
      top[0]->reshape({n, size_product(c, square, "the number of channels"), h / s, w / s});
    }
    forth_ = reverse_ ? to_places : to_channels;
    back_ = reverse_ ? to_channels : to_places;
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    forth_.run(bottom[0]->data(), top[0]->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    back_.run(top[0]->diff(), bottom[0]->mutable_diff());
  }

 private:
  long stride_;
  bool reverse_;
  Permutation forth_, back_;
};

const RegisterLayer<Reorg> registered("Reorg", "reorg_param");

}  // namespace
}  // namespace crema

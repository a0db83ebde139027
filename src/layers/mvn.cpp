// MVN:  y = (x - mean) / (deviation + eps)  for each channel of each record; y = x - mean without normalize_variance.
// bottom[0] x: (N, C, ...).  top[0] y: the shape of x.  No parameters.
// With across_channels mean and deviation are those of all channels of a record together.
#include "core/layer.h"
#include "math/normalize.h"

namespace crema {
namespace {

class Mvn final : public Layer {
 public:
  explicit Mvn(const LayerParameter& config) : across_(config.mvn_param().across_channels()) {
    const MVNParameter& c = config.mvn_param();
    norm_.eps = c.eps();
    norm_.divisor = c.normalize_variance() ? Normalization::deviation_and_eps : Normalization::nothing;
    check(c.eps() >= 0, "eps is {}; it must not be negative", c.eps());
  }

  Contract contract() const override {
    return scales() ? Contract().reads_top_data().in_place() : Contract().in_place();
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    check(shape.axes() > 1, "bottom 0 ({}) has {} axes; at least 2 are needed: N, C", shape.str(), shape.axes());
    groups_ = {shape[0], across_ ? 1 : shape[1], across_ ? shape[1] : 1, shape.count_from(2)};
    mean_.resize(groups_.rows());
    inverse_.resize(mean_.size());
    top[0]->reshape(shape);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    normalize_groups(norm_, groups_, bottom[0]->data(), nullptr, nullptr, top[0]->mutable_data(), statistics());
  }

  // Without a division the gradient does not depend on y: dy, which is multiplied with zero, is passed instead.
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const RowInput input{scales() ? top[0]->data() : top[0]->diff(), true};
    normalize_groups_gradient(norm_, groups_, input, statistics(), nullptr, top[0]->diff(), bottom[0]->mutable_diff(),
                              nullptr);
  }

 private:
  bool scales() const { return norm_.divisor != Normalization::nothing; }
  RowStatistics statistics() { return {mean_.data(), inverse_.data()}; }

  Normalization norm_;
  bool across_;
  Groups groups_;
  Buffer mean_, inverse_;  // of this pass
};

const RegisterLayer<Mvn> registered("MVN", "mvn_param");

}  // namespace
}  // namespace crema

// GroupNorm:  y = (x - mean) / sqrt(variance + eps),  mean and variance of each of group_num groups of channels.
// InstanceNorm:  the same with one channel in each group.
// bottom[0] x: (N, C, ...).  top[0] y: the shape of x.
// Parameters, with affine: w (C), filled with 1 by default, and b (C); then y is w times what stands above, plus b.
// Rejects a C that group_num does not divide.
// Wu and He, 2018, arXiv:1803.08494.  Ulyanov et al., 2016, arXiv:1607.08022.
#include "core/filler.h"
#include "core/layer.h"
#include "math/normalize.h"

namespace crema {
namespace {

class GroupNorm final : public Layer {
 public:
  explicit GroupNorm(const LayerParameter& config) : by_channel_(config.type() == "InstanceNorm") {
    if (by_channel_) {
      read(config.instance_norm_param());
    } else {
      read(config.group_norm_param());
      group_num_ = config.group_norm_param().group_num();
      check(group_num_ > 0, "group_num is 0; it must be at least 1");
    }
  }

  // If y is the normalized x itself, backward needs only y.
  Contract contract() const override {
    return affine_ ? Contract().reads_bottom_data() : Contract().reads_top_data().in_place();
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    check(shape.axes() > 1, "bottom 0 ({}) has {} axes; at least 2 are needed: N, C", shape.str(), shape.axes());
    const long channels = shape[1], groups = by_channel_ ? channels : group_num_;
    check(by_channel_ || channels % groups == 0,
          "group_num is {}, and bottom 0 ({}) has {} channels; it must divide them", groups, shape.str(), channels);
    groups_ = {shape[0], groups, by_channel_ ? 1 : channels / groups, shape.count_from(2)};
    if (affine_) {
      declare_parameter(0, {channels}, scale_filler_);
      declare_parameter(1, {channels}, bias_filler_);
    }
    mean_.resize(groups_.rows());
    inverse_.resize(mean_.size());
    top[0]->reshape(shape);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real *w = affine_ ? parameters()[0].data() : nullptr, *b = affine_ ? parameters()[1].data() : nullptr;
    normalize_groups(norm_, groups_, bottom[0]->data(), w, b, top[0]->mutable_data(), statistics());
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real* dy = top[0]->diff();
    real* dx = down[0] ? bottom[0]->mutable_diff() : nullptr;
    if (!affine_) {
      return normalize_groups_gradient(norm_, groups_, {top[0]->data(), true}, statistics(), nullptr, dy, dx, nullptr);
    }
    real* sums = scratch(2 * groups_.records * groups_.all_channels());
    normalize_groups_gradient(norm_, groups_, {bottom[0]->data(), false}, statistics(), parameters()[0].data(), dy, dx,
                              sums);
    for (const int k : {0, 1}) {
      Parameter& parameter = parameters()[k];
      if (parameter.learns()) add_group_sums(groups_, sums, 1 - k, parameter.beta(), parameter.mutable_diff());
    }
  }

 private:
  template <typename Settings>
  void read(const Settings& c) {
    norm_.eps = c.eps();
    affine_ = c.affine();
    scale_filler_ = c.scale_filler();
    if (!c.has_scale_filler()) scale_filler_.set_value(1);
    bias_filler_ = c.bias_filler();
    check_filler(scale_filler_);
    check_filler(bias_filler_);
    check(c.eps() >= 0, "eps is {}; it must not be negative", c.eps());
  }

  RowStatistics statistics() { return {mean_.data(), inverse_.data()}; }

  Normalization norm_;
  bool by_channel_, affine_ = false;
  long group_num_ = 0;
  FillerParameter scale_filler_, bias_filler_;
  Groups groups_;
  Buffer mean_, inverse_;  // of the groups, of this pass
};

const RegisterLayer<GroupNorm> group_norm("GroupNorm", "group_norm_param");
const RegisterLayer<GroupNorm> instance_norm("InstanceNorm", "instance_norm_param");

}  // namespace
}  // namespace crema

// PReLU:  y = x  for x > 0,  a x  otherwise,  with a slope a for each channel, or one for all with channel_shared.
// bottom[0] x: (N, C, ...), two axes or more.  top[0] y: the shape of x.
// Parameters: a (C), or with channel_shared one number; filled with 0.25 by default.
// He et al., 2015, arXiv:1502.01852.
#include "core/filler.h"
#include "core/layer.h"
#include "math/channel_norm.h"

namespace crema {
namespace {

class PRelu final : public Layer {
 public:
  explicit PRelu(const LayerParameter& config)
      : shared_(config.prelu_param().channel_shared()), filler_(config.prelu_param().filler()) {
    if (!config.prelu_param().has_filler()) filler_.set_value(0.25f);
    check_filler(filler_);
  }

  Contract contract() const override { return Contract().reads_bottom_data().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    check(shape.axes() >= 2, "the bottom has {} axes (shape {}); two or more are needed, the second for the channels",
          shape.axes(), shape.str());
    split_ = AxisSplit(shape, 1);
    declare_parameter(0, shared_ ? Shape{} : Shape{split_.channels}, filler_);
    elementwise(bottom, top);
    if (shared_) return;
    array_ = ChannelArray(split_, bottom[0]->layout());
    for (Buffer* numbers : {&zero_, &one_, &slope_, &sum_, &product_}) numbers->assign(array_.room(), 0);
    one_.fill(1);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real *x = bottom[0]->data(), *a = parameters()[0].data();
    real* y = top[0]->mutable_data();
    if (shared_) {
      for_elements(top[0]->storage(), 1, [=, slope = *a](long i) { y[i] = x[i] > 0 ? x[i] : slope * x[i]; });
    } else {
      map_channels(array_, map(), x, y);
    }
  }

  // dx is written last, since it may overwrite dy.
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff(), *a = parameters()[0].data();
    const long count = top[0]->storage();
    if (parameters()[0].learns()) slope_gradient(count, x, dy);
    if (!down[0]) return;
    real* dx = bottom[0]->mutable_diff();
    if (shared_) {
      for_elements(count, 1, [=, slope = *a](long i) { dx[i] = x[i] > 0 ? dy[i] : slope * dy[i]; });
    } else {
      map_gradient(array_, map(), x, dy, one_.data(), dx);
    }
  }

  OwnMemory own_memory(bool) const override {
    if (shared_) return {};
    const long bytes = sizeof(real);
    return {.kept = 5 * array_.room() * bytes, .passing = array_.scratch() * bytes};
  }

 private:
  ChannelMap map() {
    std::copy_n(parameters()[0].data(), split_.channels, slope_.data());
    return {zero_.data(), one_.data(), zero_.data(), slope_.data()};
  }

  // da = beta da + the sum of dy x where x <= 0.
  void slope_gradient(long count, const real* x, const real* dy) {
    const real beta = parameters()[0].beta();
    real* da = parameters()[0].mutable_diff();
    if (shared_) {
      // The product is computed before the choice. Otherwise the compiler might fuse it with the sum in some parts of a
      // split loop and not in others.
      const double sum = parallel_sum(count, 2, [=](long i) {
        const real product = dy[i] * x[i];
        return x[i] > 0 ? real{0} : product;
      });
      da[0] = static_cast<real>(sum) + (beta == 0 ? 0 : beta * da[0]);  // memory may hold NaN
      return;
    }
    // Keeps dy where -x > 0, and multiplies the rest with 0.
    slope_.fill(-1);
    const ChannelMap below{zero_.data(), slope_.data(), zero_.data(), zero_.data()};
    const ChannelsDone nothing = [](long, long) {};
    channel_gradient(array_, below, x, dy, sum_.data(), product_.data(), nothing, {}, nullptr,
                     scratch(array_.scratch()));
    for (long c = 0; c < split_.channels; ++c) da[c] = product_[c] + (beta == 0 ? 0 : beta * da[c]);
  }

  bool shared_;
  FillerParameter filler_;
  AxisSplit split_;
  // Used if not shared: numbers for each channel.
  ChannelArray array_;
  Buffer zero_, one_, slope_, sum_, product_;
};

const RegisterLayer<PRelu> registered("PReLU", "prelu_param");

}  // namespace
}  // namespace crema

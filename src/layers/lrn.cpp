// LRN:  y = x s^-beta,  s = k + alpha / n * the sum of x^2 over a window around the place; n: places in a whole window.
// bottom[0] x: (N, C, H, W).  top[0] y: the shape of x.  No parameters.
// ACROSS_CHANNELS: the window is local_size channels at one pixel.  WITHIN_CHANNEL: local_size x local_size pixels of
// one channel, and k is 1 whatever the file says, as in Caffe. Beyond the edges x is 0.  Rejects an even local_size.
// Krizhevsky et al., 2012, "ImageNet Classification with Deep Convolutional Neural Networks".
#include "core/layer.h"
#include "math/local_response.h"

namespace crema {
namespace {

class Lrn final : public Layer {
 public:
  explicit Lrn(const LayerParameter& config) : size_(config.lrn_param().local_size()) {
    const LRNParameter& c = config.lrn_param();
    check(size_ % 2 == 1, "local_size is {}; it must be odd", size_);
    norm_.across = c.norm_region() == LRNParameter::ACROSS_CHANNELS;
    norm_.k = norm_.across ? c.k() : 1;
    norm_.beta = c.beta();
    const auto size = static_cast<double>(size_);
    norm_.share = static_cast<real>(static_cast<double>(c.alpha()) / (norm_.across ? size : size * size));
  }

  Contract contract() const override { return Contract().reads_bottom_data(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Blob& x = *bottom[0];
    check(x.axes() == 4, "bottom 0 ({}) has {} axes; LRN needs 4: N, C, H, W", x.shape().str(), x.axes());
    norm_.records = x.dim(0), norm_.channels = x.dim(1), norm_.height = x.dim(2), norm_.width = x.dim(3);
    const long most = norm_.across ? norm_.channels : std::max(norm_.height, norm_.width);
    norm_.reach = std::min(size_ / 2, most);
    const Layout layout = takes_any_layout(x) ? x.layout() : Layout::plain;
    norm_.block = layout == Layout::channels_last ? norm_.channels : block_size(layout);
    takes(0, layout);
    top[0]->reshape(x.shape(), layout);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    local_response(norm_, bottom[0]->data(), top[0]->mutable_data(), scratch(local_response_room(norm_)));
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    local_response_gradient(norm_, bottom[0]->data(), top[0]->diff(), bottom[0]->mutable_diff(),
                            scratch(local_response_room(norm_)));
  }

  OwnMemory own_memory(bool) const override {
    return {0, local_response_room(norm_) * static_cast<long>(sizeof(real))};
  }

 private:
  // Padding must stay zero.
  bool takes_any_layout(const Blob& x) const { return norm_.across && (norm_.k > 0 || x.storage() == x.count()); }

  long size_;
  LocalResponse norm_;
};

const RegisterLayer<Lrn> registered("LRN", "lrn_param");

}  // namespace
}  // namespace crema

// Dropout:  in TRAIN  y = x / (1 - ratio) with probability 1 - ratio, else 0;  in TEST  y = x.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
// Hinton et al., 2012, arXiv:1207.0580, scaled while training.
#include "core/layer.h"
#include "math/drop.h"
#include "math/loops.h"

namespace crema {
namespace {

class Dropout final : public Layer {
 public:
  explicit Dropout(const LayerParameter& config) : ratio_(config.dropout_param().dropout_ratio()) {
    check(ratio_ >= 0 && ratio_ < 1, "dropout_ratio is {}; it must be at least 0 and below 1", ratio_);
  }

  Contract contract() const override { return Contract().in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    elementwise(bottom, top);
    const Blob& x = *top[0];
    const bool channels = x.axes() > 1;
    rows_ = channels ? x.dim(0) : 1;
    channels_ = channels ? x.dim(1) : 1;
    places_ = channels ? x.shape().count_from(2) : x.count();
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    drop(*top[0], bottom[0]->data(), top[0]->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    drop(*top[0], top[0]->diff(), bottom[0]->mutable_diff());
  }

 private:
  // Forward and backward apply the same map. Drawing the random numbers twice is cheaper than keeping them.
  void drop(const Blob& blob, const real* x, real* y) const {
    if (phase() == TEST) return copy_elements(blob.storage(), x, y);
    const Drop drop(random("dropout"), ratio_);
    // With one place for each channel, all layouts without padding are the same.
    const bool plain = blob.layout() == Layout::plain || (places_ == 1 && blob.storage() == blob.count());
    if (plain) return drop.all(blob.count(), x, y);
    drop_channels(blob.layout(), drop, x, y);
  }

  // Random numbers count elements in plain order, whatever the layout.
  void drop_channels(Layout layout, const Drop& drop, const real* x, real* y) const {
    const long block = layout == Layout::channels_last ? channels_ : block_size(layout);
    const long blocks = (channels_ + block - 1) / block;
    parallel_for(rows_ * blocks, 8 * block * places_, [&](long begin, long end) {
      for (long k = begin; k < end; ++k) {
        const long first = k % blocks * block, base = k * block * places_;
        for (long lane = 0; lane < block; ++lane) {
          const long channel = first + lane;
          const real* from = x + base + lane;
          real* to = y + base + lane;
          if (channel < channels_) {
            const long row = (k / blocks * channels_ + channel) * places_;
            drop(row, places_, from, to, block);
          } else {
            for (long p = 0; p < places_; ++p) to[p * block] = 0;
          }
        }
      }
    });
  }

  float ratio_;
  long rows_ = 1, channels_ = 1, places_ = 0;
};

const RegisterLayer<Dropout> registered("Dropout", "dropout_param");

}  // namespace
}  // namespace crema

// Dropout:  in TRAIN  y = x / (1 - ratio) with probability 1 - ratio, else 0;  in TEST  y = x.
// bottom[0] x: any shape.  top[0] y: the shape of x.  No parameters.
// Hinton et al., 2012, arXiv:1207.0580, scaled while training.
#include "core/layer.h"
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
  // Forward and backward are the same map. Drawing the numbers twice is cheaper than keeping them.
  void drop(const Blob& blob, const real* x, real* y) const {
    if (pass().phase == TEST) return copy_elements(blob.storage(), x, y);
    if (blob.layout() == Layout::plain) {
      const long n = blob.count();
      const Dropper drop(*this);
      return parallel_for((n + 3) / 4, 40, [&](long begin, long end) {
        drop.run(4 * begin, std::min(n, 4 * end), x + 4 * begin, y + 4 * begin, 1);
      });
    }
    drop_channels(blob.layout(), x, y);
  }

  // Random numbers count elements in plain order, wherever these lie.
  void drop_channels(Layout layout, const real* x, real* y) const {
    const long block = layout == Layout::channels_last ? channels_ : block_size(layout);
    const long blocks = (channels_ + block - 1) / block;
    const Dropper drop(*this);
    parallel_for(rows_ * blocks, 10 * block * places_, [&](long begin, long end) {
      for (long k = begin; k < end; ++k) {
        const long first = k % blocks * block, base = k * block * places_;
        for (long lane = 0; lane < block; ++lane) {
          const long channel = first + lane;
          const real* from = x + base + lane;
          real* to = y + base + lane;
          if (channel < channels_) {
            const long row = (k / blocks * channels_ + channel) * places_;
            drop.run(row, row + places_, from, to, block);
          } else {
            for (long p = 0; p < places_; ++p) to[p * block] = 0;
          }
        }
      }
    });
  }

  struct Dropper {
    Random numbers;
    uint32_t threshold;
    real scale;

    explicit Dropper(const Dropout& layer)
        : numbers(layer.random("dropout")),
          threshold(static_cast<uint32_t>(static_cast<double>(layer.ratio_) * 0x1p32)),
          scale(static_cast<real>(1 / (1 - static_cast<double>(layer.ratio_)))) {}

    // For the elements from begin to end - 1 in plain order; the first is *x, and the next lie `step` apart.
    void run(long begin, long end, const real* x, real* y, long step) const {
      for (long i = begin; i < end;) {
        const auto bits = numbers.block_bits(static_cast<uint64_t>(i / 4));
        for (const long stop = std::min(end, i / 4 * 4 + 4); i < stop; ++i) {
          const long at = (i - begin) * step;
          y[at] = bits[i % 4] < threshold ? 0 : scale * x[at];
        }
      }
    }
  };

  float ratio_;
  long rows_ = 1, channels_ = 1, places_ = 0;
};

const RegisterLayer<Dropout> registered("Dropout", "dropout_param");

}  // namespace
}  // namespace crema

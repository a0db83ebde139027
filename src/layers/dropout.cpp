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

  // In TRAIN plain: random numbers count elements in that order.
  void reshape(const Bottoms& bottom, const Tops& top) override {
    if (pass().phase == TEST) {
      elementwise(bottom, top);
    } else {
      top[0]->reshape(bottom[0]->shape());
    }
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    drop(top[0]->storage(), bottom[0]->data(), top[0]->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    drop(top[0]->storage(), top[0]->diff(), bottom[0]->mutable_diff());
  }

 private:
  // Forward and backward are the same map. Drawing the numbers twice is cheaper than keeping them.
  void drop(long n, const real* x, real* y) const {
    if (pass().phase == TEST) return copy_elements(n, x, y);
    const Random numbers = random("dropout");
    const auto threshold = static_cast<uint32_t>(static_cast<double>(ratio_) * 0x1p32);
    const real scale = static_cast<real>(1 / (1 - static_cast<double>(ratio_)));
    parallel_for((n + 3) / 4, 40, [&](long begin, long end) {
      for (long block = begin; block < end; ++block) {
        const auto bits = numbers.block_bits(static_cast<uint64_t>(block));
        const long first = 4 * block, stop = std::min(n, first + 4);
        for (long i = first; i < stop; ++i) y[i] = bits[i - first] < threshold ? 0 : scale * x[i];
      }
    });
  }

  float ratio_;
};

const RegisterLayer<Dropout> registered("Dropout", "dropout_param");

}  // namespace
}  // namespace crema

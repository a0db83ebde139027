// Silence: reads its bottoms, so that they are no outputs of the net. Their gradient is zero.
// bottoms: any number, any shapes.  No tops, no parameters.
#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Silence final : public Layer {
 public:
  explicit Silence(const LayerParameter&) {}

  Contract contract() const override { return Contract().bottoms(1, Contract::kAny).tops(0); }

  void reshape(const Bottoms& bottom, const Tops&) override {
    for (size_t k = 0; k < bottom.size(); ++k) takes(static_cast<int>(k), bottom[k]->layout());
  }

  void forward(const Bottoms&, const Tops&) override {}

  void backward(const Tops&, const PropagateDown& down, const Bottoms& bottom) override {
    for (size_t k = 0; k < bottom.size(); ++k) {
      if (!down[k]) continue;
      real* dx = bottom[k]->mutable_diff();
      for_elements(bottom[k]->storage(), 1, [=](long i) { dx[i] = 0; });
    }
  }
};

const RegisterLayer<Silence> registered("Silence");

}  // namespace
}  // namespace crema

// Split:  y_k = x for each top k. Seldom needed: a value may be read by several layers without it.
// bottom[0] x: any shape.  top[k] y_k: the shape of x.  No parameters.
#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Split final : public Layer {
 public:
  explicit Split(const LayerParameter& config) : tops_(config.top_size()) {}

  Contract contract() const override {
    Contract contract = Contract().tops(1, Contract::kAny);
    for (int k = 0; k < tops_; ++k) contract.view(0, k);
    return contract;
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    takes(0, bottom[0]->layout());
    for (Blob* y : top) y->reshape(bottom[0]->shape(), bottom[0]->layout());
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    for (Blob* y : top) copy_elements(y->storage(), bottom[0]->data(), y->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    real* dx = bottom[0]->mutable_diff();
    copy_elements(top[0]->storage(), top[0]->diff(), dx);
    for (size_t k = 1; k < top.size(); ++k) {
      const real* dy = top[k]->diff();
      for_elements(top[k]->storage(), 1, [=](long i) { dx[i] += dy[i]; });
    }
  }

 private:
  int tops_;
};

const RegisterLayer<Split> registered("Split");

}  // namespace
}  // namespace crema

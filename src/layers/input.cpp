// Input: tops that the caller writes before each forward pass.
// No bottoms.  top[k]: input_param.shape[k], or the only one; none where shapes come from the caller.  No parameters.
#include "core/layer.h"

namespace crema {
namespace {

class Input final : public Layer {
 public:
  explicit Input(const LayerParameter& config) {
    for (const BlobShape& shape : config.input_param().shape()) {
      shapes_.emplace_back(std::vector<long>(shape.dim().begin(), shape.dim().end()));
    }
  }

  Contract contract() const override { return Contract().bottoms(0).tops(1, Contract::kAny).no_backward().pinned(); }

  // A top that has a shape already keeps it: the caller has set it.
  void reshape(const Bottoms&, const Tops& top) override {
    check(shapes_.size() <= 1 || shapes_.size() == top.size(),
          "has {} shapes for {} tops; give one for all, one for each or none", shapes_.size(), top.size());
    for (size_t k = 0; k < top.size() && !shapes_.empty(); ++k) {
      if (top[k]->axes() == 0) top[k]->reshape(shapes_[shapes_.size() == 1 ? 0 : k]);
    }
  }

  void forward(const Bottoms&, const Tops&) override {}
  void backward(const Tops&, const PropagateDown&, const Bottoms&) override {}

 private:
  std::vector<Shape> shapes_;
};

const RegisterLayer<Input> registered("Input", "input_param");

}  // namespace
}  // namespace crema

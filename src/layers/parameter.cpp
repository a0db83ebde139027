// Parameter:  y = w.
// No bottoms.  top[0] y: the shape of w.  Parameters: w, of parameter_param's shape, filled with 0.
#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class ParameterLayer final : public Layer {
 public:
  explicit ParameterLayer(const LayerParameter& config)
      : shape_(std::vector<long>(config.parameter_param().shape().dim().begin(),
                                 config.parameter_param().shape().dim().end())) {}

  Contract contract() const override { return Contract().bottoms(0); }

  void reshape(const Bottoms&, const Tops& top) override {
    declare_parameter(0, shape_, FillerParameter());
    top[0]->reshape(shape_);
  }

  void forward(const Bottoms&, const Tops& top) override {
    copy_elements(top[0]->count(), parameters()[0].data(), top[0]->mutable_data());
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms&) override {
    Parameter& w = parameters()[0];
    if (!w.learns()) return;
    const real beta = w.beta(), *dy = top[0]->diff();
    real* dw = w.mutable_diff();
    if (beta == 0) return copy_elements(w.count(), dy, dw);
    for_elements(w.count(), 1, [=](long i) { dw[i] = beta * dw[i] + dy[i]; });
  }

 private:
  Shape shape_;
};

const RegisterLayer<ParameterLayer> registered("Parameter", "parameter_param");

}  // namespace
}  // namespace crema

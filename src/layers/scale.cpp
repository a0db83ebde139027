// Scale:  y = w x + b,  where w (and b, with bias_term) is broadcast over the axes of x that it lacks.
// bottom[0] x: any shape.  bottom[1], optional: w, the shape of x's axes from `axis` on, as many as it has.
// top[0] y: the shape of x.
// Parameters: w, where there is no bottom[1]: the shape of num_axes axes of x from `axis` on (-1: all; 0: one number),
// filled with 1 by default; then b, the shape of w.
#include "core/filler.h"
#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Scale final : public Layer {
 public:
  explicit Scale(const LayerParameter& config) : config_(config.scale_param()) {
    check(config_.num_axes() >= -1, "num_axes is {}; it must be -1 or more", config_.num_axes());
    if (!config_.has_filler()) config_.mutable_filler()->set_value(1);
    check_filler(config_.filler());
    check_filler(config_.bias_filler());
  }

  Contract contract() const override { return Contract().bottoms(1, 2).reads_bottom_data({0, 1}).in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    const Shape factor = bottom.size() > 1 ? bottom[1]->shape() : parameter_shape(shape);
    // One number: any axis does. With the records outermost its sum has parts for all cores.
    const int axis = factor.axes() == 0 ? std::min(1, shape.axes()) : shape.canonical(config_.axis());
    for (int k = 0; k < factor.axes(); ++k) {
      check(axis + k < shape.axes() && factor[k] == shape[axis + k],
            "bottom 1 ({}) must have the dimensions of bottom 0 ({}) from axis {} on", factor.str(), shape.str(), axis);
    }
    split_ = AxisSplit(shape, axis, factor.axes());
    bias_ = bottom.size() > 1 ? 0 : 1;
    if (bottom.size() == 1) declare_parameter(0, factor, config_.filler());
    if (config_.bias_term()) declare_parameter(bias_, factor, config_.bias_filler());
    top[0]->reshape(shape);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real *x = bottom[0]->data(), *w = factor(bottom);
    real* y = top[0]->mutable_data();
    if (config_.bias_term()) {
      const real* b = parameter(bias_).data();
      for_channels(split_, 2, [=](long c, long i) { y[i] = w[c] * x[i] + b[c]; });
    } else {
      for_channels(split_, 1, [=](long c, long i) { y[i] = w[c] * x[i]; });
    }
  }

  // dx comes last: it may be written over dy.
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *w = factor(bottom), *dy = top[0]->diff();
    if (config_.bias_term() && parameter(bias_).learns()) {
      Parameter& b = parameter(bias_);
      sum_gradient([=](long, long i) { return dy[i]; }, b.beta(), b.mutable_diff());
    }
    if (bottom.size() > 1) {
      if (down[1]) sum_gradient([=](long, long i) { return dy[i] * x[i]; }, 0, bottom[1]->mutable_diff());
    } else if (parameter(0).learns()) {
      Parameter& p = parameter(0);
      sum_gradient([=](long, long i) { return dy[i] * x[i]; }, p.beta(), p.mutable_diff());
    }
    if (!down[0]) return;
    real* dx = bottom[0]->mutable_diff();
    for_channels(split_, 1, [=](long c, long i) { dx[i] = w[c] * dy[i]; });
  }

 private:
  Shape parameter_shape(const Shape& shape) const {
    if (config_.num_axes() == 0) return {};
    const int first = shape.canonical(config_.axis());
    check(config_.num_axes() <= shape.axes() - first, "num_axes is {} from axis {} on, and bottom 0 ({}) has {} axes",
          config_.num_axes(), first, shape.str(), shape.axes());
    const int last = config_.num_axes() < 0 ? shape.axes() : first + config_.num_axes();
    return Shape(std::vector<long>(shape.dims().begin() + first, shape.dims().begin() + last));
  }

  Parameter& parameter(int index) { return parameters()[index]; }
  const real* factor(const Bottoms& bottom) { return bottom.size() > 1 ? bottom[1]->data() : parameter(0).data(); }

  // d = beta d + the channels' sums of term.
  template <typename Term>
  void sum_gradient(const Term& term, real beta, real* d) {
    real* partial = split_.inner == 1 ? nullptr : scratch(split_.outer * split_.channels);
    reduce_channels(split_, partial, term, [=](long c, double sum) {
      d[c] = static_cast<real>(sum) + (beta == 0 ? 0 : beta * d[c]);  // memory may hold NaN
    });
  }

  ScaleParameter config_;
  AxisSplit split_;
  int bias_ = 1;  // index of b among the parameters
};

const RegisterLayer<Scale> registered("Scale", "scale_param");

}  // namespace
}  // namespace crema

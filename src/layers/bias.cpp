// Bias:  y = x + b,  where b is broadcast over the axes of x that it lacks.
// bottom[0] x: any shape.  bottom[1], optional: b, the shape of x's axes from `axis` on, as many as it has.
// top[0] y: the shape of x.
// Parameter: b, where there is no bottom[1]: the shape of num_axes axes of x from `axis` on (-1: all; 0: one number),
// filled with 0 by default.
#include "core/filler.h"
#include "core/layer.h"
#include "math/channels.h"

namespace crema {
namespace {

class Bias final : public Layer {
 public:
  explicit Bias(const LayerParameter& config) : config_(config.bias_param()) {
    of_channels_ = config.bottom_size() == 1 && config_.axis() == 1 && config_.num_axes() == 1;
    check(config_.num_axes() >= -1, "num_axes is {}; it must be -1 or more", config_.num_axes());
    check_filler(config_.filler());
  }

  Contract contract() const override { return Contract().bottoms(1, 2).in_place(); }

  Epilogue epilogue() override {
    if (!of_channels_) return {};
    return {.kind = Epilogue::affine, .shift = parameters().empty() ? nullptr : &parameters()[0]};
  }

  void affine_factors(real* a, real* b) const override {
    std::fill_n(a, parameters()[0].count(), real{1});
    std::copy_n(parameters()[0].data(), parameters()[0].count(), b);
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    const Shape summand = bottom.size() > 1 ? bottom[1]->shape() : parameter_shape(shape);
    // For a single number any axis works. With the records outermost, its sum has parts for all cores.
    const int axis = summand.axes() == 0 ? std::min(1, shape.axes()) : shape.canonical(config_.axis());
    for (int k = 0; k < summand.axes(); ++k) {
      check(axis + k < shape.axes() && summand[k] == shape[axis + k],
            "bottom 1 ({}) must have the dimensions of bottom 0 ({}) from axis {} on", summand.str(), shape.str(),
            axis);
    }
    split_ = AxisSplit(shape, axis, summand.axes());
    if (bottom.size() == 1) declare_parameter(0, summand, config_.filler());
    // With a number for each channel, any layout works.
    layout_ = axis == 1 && summand.axes() == 1 ? bottom[0]->layout() : Layout::plain;
    takes(0, layout_);
    top[0]->reshape(shape, layout_);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real *x = bottom[0]->data(), *b = bottom.size() > 1 ? bottom[1]->data() : parameters()[0].data();
    real* y = top[0]->mutable_data();
    if (layout_ != Layout::plain) {
      copy_elements(bottom[0]->storage(), x, y);
      return add_to_channels(split_, layout_, b, y);
    }
    for_channels(split_, 1, [=](long c, long i) { y[i] = x[i] + b[c]; });
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real* dy = top[0]->diff();
    if (bottom.size() > 1) {
      if (down[1]) sum_gradient(dy, 0, bottom[1]->mutable_diff());
    } else if (parameters()[0].learns()) {
      sum_gradient(dy, parameters()[0].beta(), parameters()[0].mutable_diff());
    }
    if (down[0]) copy_elements(bottom[0]->storage(), dy, bottom[0]->mutable_diff());
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

  // db = beta db + the sum of dy.
  void sum_gradient(const real* dy, real beta, real* db) {
    if (layout_ != Layout::plain) return sum_over_channels(split_, layout_, dy, beta, db);
    real* partial = split_.inner == 1 ? nullptr : scratch(split_.outer * split_.channels);
    reduce_channels(
        split_, partial, [=](long, long i) { return dy[i]; },
        [=](long c, double sum) {
          db[c] = static_cast<real>(sum) + (beta == 0 ? 0 : beta * db[c]);  // memory may hold NaN
        });
  }

  BiasParameter config_;
  bool of_channels_ = false;  // whether the file asks for a parameter along axis 1
  Layout layout_ = Layout::plain;
  AxisSplit split_;
};

const RegisterLayer<Bias> registered("Bias", "bias_param");

}  // namespace
}  // namespace crema

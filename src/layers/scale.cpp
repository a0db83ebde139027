// Scale:  y = w x + b,  where w (and b, with bias_term) is broadcast over the axes of x that it lacks.
// bottom[0] x: any shape.  bottom[1], optional: w, the shape of x's axes from `axis` on, as many as it has.
// top[0] y: the shape of x.
// Parameters: w, where there is no bottom[1]: the shape of num_axes axes of x from `axis` on (-1: all; 0: one number),
// filled with 1 by default; then b, the shape of w.
#include "core/filler.h"
#include "core/layer.h"
#include "math/channel_norm.h"

namespace crema {
namespace {

class Scale final : public Layer {
 public:
  explicit Scale(const LayerParameter& config)
      : config_(config.scale_param()),
        of_channels_(config.bottom_size() == 1 && config_.axis() == 1 && config_.num_axes() == 1) {
    check(config_.num_axes() >= -1, "num_axes is {}; it must be -1 or more", config_.num_axes());
    if (!config_.has_filler()) config_.mutable_filler()->set_value(1);
    check_filler(config_.filler());
    check_filler(config_.bias_filler());
  }

  Contract contract() const override { return Contract().bottoms(1, 2).reads_bottom_data({0, 1}).in_place(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    const Shape factor = bottom.size() > 1 ? bottom[1]->shape() : parameter_shape(shape);
    // For a single number any axis works. With the records outermost, its sum has parts for all cores.
    const int axis = factor.axes() == 0 ? std::min(1, shape.axes()) : shape.canonical(config_.axis());
    for (int k = 0; k < factor.axes(); ++k) {
      check(axis + k < shape.axes() && factor[k] == shape[axis + k],
            "bottom 1 ({}) must have the dimensions of bottom 0 ({}) from axis {} on", factor.str(), shape.str(), axis);
    }
    split_ = AxisSplit(shape, axis, factor.axes());
    choose_layout(*bottom[0], axis, factor.axes());
    bias_ = bottom.size() > 1 ? 0 : 1;
    if (bottom.size() == 1) declare_parameter(0, factor, config_.filler());
    if (config_.bias_term()) declare_parameter(bias_, factor, config_.bias_filler());
    takes(0, layout_);
    top[0]->reshape(shape, layout_);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real *x = bottom[0]->data(), *w = factor(bottom);
    real* y = top[0]->mutable_data();
    if (by_channel_) {
      spread(bottom);
      return map_channels(array_, {zero_.data(), w_.data(), b_.data()}, x, y);
    }
    if (config_.bias_term()) {
      const real* b = parameter(bias_).data();
      for_channels(split_, 2, [=](long c, long i) { y[i] = w[c] * x[i] + b[c]; });
    } else {
      for_channels(split_, 1, [=](long c, long i) { y[i] = w[c] * x[i]; });
    }
  }

  // dx is written last, since it may overwrite dy.
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    if (by_channel_) return backward_by_channel(top, down, bottom);
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

  // An affine map by channel, which convolutions and normalizations can absorb.
  Epilogue epilogue() override {
    if (!of_channels_) return {};
    Epilogue e{.kind = Epilogue::affine};
    if (!parameters().empty()) e.factor = &parameter(0);
    if (parameters().size() > 1) e.shift = &parameter(1);
    return e;
  }

  void affine_factors(real* a, real* b) const override {
    const Parameter& w = parameters()[0];
    std::copy_n(w.data(), w.count(), a);
    if (config_.bias_term()) {
      std::copy_n(parameters()[1].data(), w.count(), b);
    } else {
      std::fill_n(b, w.count(), real{0});
    }
  }

  OwnMemory own_memory(bool) const override {
    if (!by_channel_) return {};
    return {.kept = 5 * array_.room() * static_cast<long>(sizeof(real)),
            .passing = array_.scratch() * static_cast<long>(sizeof(real))};
  }

 private:
  // With a factor for each channel, any layout works. With one for each record and channel, blocks must be full.
  void choose_layout(const Blob& x, int axis, int axes) {
    const long block = block_size(x.layout());
    const bool of_channels = axis == 1 && axes == 1;
    const bool of_records = axis == 0 && axes == 2 && block > 1 && x.dim(1) % block == 0;
    layout_ = of_channels || of_records ? x.layout() : Layout::plain;
    by_channel_ = (of_channels && split_.inner > 1) || layout_ != Layout::plain;
    if (!by_channel_) return;
    array_ = ChannelArray(split_, layout_);
    for (Buffer* numbers : {&w_, &b_, &zero_, &sum_, &product_}) numbers->assign(array_.room(), 0);
  }

  // Copies w and b into buffers that end in zeros.
  void spread(const Bottoms& bottom) {
    std::copy_n(factor(bottom), split_.channels, w_.data());
    if (config_.bias_term()) std::copy_n(parameter(bias_).data(), split_.channels, b_.data());
  }

  // dx is written last, since it may overwrite dy.
  void backward_by_channel(const Tops& top, const PropagateDown& down, const Bottoms& bottom) {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    spread(bottom);
    const ChannelMap map{zero_.data(), w_.data(), zero_.data()};
    const bool w_learns = bottom.size() > 1 ? down[1] : parameter(0).learns();
    const bool b_learns = config_.bias_term() && parameter(bias_).learns();
    if (w_learns || b_learns) {
      const ChannelsDone nothing = [](long, long) {};
      channel_gradient(array_, map, x, dy, sum_.data(), product_.data(), nothing, {}, nullptr,
                       scratch(array_.scratch()));
    }
    if (b_learns) add(sum_, parameter(bias_).beta(), parameter(bias_).mutable_diff());
    if (w_learns && bottom.size() > 1) add(product_, 0, bottom[1]->mutable_diff());
    if (w_learns && bottom.size() == 1) add(product_, parameter(0).beta(), parameter(0).mutable_diff());
    if (down[0]) map_channels(array_, map, dy, bottom[0]->mutable_diff());
  }

  void add(const Buffer& sums, real beta, real* d) const {
    for (long c = 0; c < split_.channels; ++c) d[c] = sums[c] + (beta == 0 ? 0 : beta * d[c]);  // may hold NaN
  }

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
  bool of_channels_;  // whether the file asks for a parameter along axis 1
  AxisSplit split_;
  Layout layout_ = Layout::plain;
  bool by_channel_ = false;  // if so, the members below are used
  ChannelArray array_;
  Buffer w_, b_, zero_, sum_, product_;
  int bias_ = 1;  // index of b among the parameters
};

const RegisterLayer<Scale> registered("Scale", "scale_param");

}  // namespace
}  // namespace crema

// Convolution:  y[n, o, p] = b[o] + sum over c, k of w[o, c, k] * x[n, c, p * stride - pad + k * dilation],  with zeros
// outside of x; with groups, the outputs and the channels fall into `group` parts that see each other alone.
// bottom[i] x: batch axes, channels (at `axis`), any number of spatial axes; all of one shape.  top[i] y: num_output in
// place of the channels.  Parameters: weights (num_output, channels / group, kernel...), bias (num_output).
// Rejects a kernel larger than the padded input, and channels or num_output that group does not divide.
//
// Deconvolution:  its transpose:  y[n, o, p * stride - pad + k * dilation] = b[o] + the sum over all c, p and k that
// meet there of w[c, o, k] * x[n, c, p].  top[i] y: num_output in place of the channels, and for each spatial axis
// stride * (size - 1) + dilation * (kernel - 1) + 1 - 2 * pad.  Parameters: weights (channels, num_output / group,
// kernel...), bias (num_output).  Rejects a pad that leaves nothing of y, and channels or num_output that group does
// not divide (Long et al., 2014, arXiv:1411.4038).
//
// DepthwiseConvolution:  Convolution with group = channels, whether or not the configuration says so (Howard et al.,
// 2017, arXiv:1704.04861).  Rejects another group, and a num_output that is no multiple of the channels.
//
// ConvolutionDepthwise:  the same with num_output = channels, too.  Rejects another num_output.
#include <algorithm>
#include <limits>

#include "core/fused_tail.h"
#include "core/layer.h"
#include "core/window_fields.h"
#include "math/blas.h"
#include "math/channels.h"
#include "math/convolution_choice.h"
#include "math/convolution_plain.h"

namespace crema {
namespace {

// What a convolution and its transpose share. There are three passes between images (a convolution's x, a transpose's
// y) and maps (the reverse), by the engine or without it.
class Convolutional : public Layer {
 public:
  Contract contract() const override {
    return Contract().bottoms(1, Contract::kAny).tops(1, Contract::kAny).reads_bottom_data(Indices::all());
  }

  // The layer does not know whether its bottoms need a gradient. If it has few channels, they are taken for data, which
  // need none.
  OwnMemory own_memory(bool backward) const override {
    return memory(backward, backward && problem_.weights[1] * problem_.group > 4);
  }

 protected:
  explicit Convolutional(const LayerParameter& config)
      : config_(config.convolution_param()), fields_(config.convolution_param()) {
    check(config_.group() > 0, "group is 0; expected a positive number");
  }

  // `to_image`: whether this pass runs.
  OwnMemory memory(bool backward, bool to_image) const {
    if (engine_) {
      const EngineMemory memory = engine_->memory(backward, to_image);
      return {memory.kept, memory.passing};
    }
    const long data = plain_.data_memory();
    return {0, static_cast<long>(sizeof(real)) * (backward ? std::max(data, plain_.weights_memory()) : data)};
  }

  void check_outputs() const {
    check(config_.num_output() > 0, "num_output is {}; expected a positive number", config_.num_output());
    check(config_.num_output() % config_.group() == 0, "num_output {} is not divisible by group {}",
          config_.num_output(), config_.group());
  }

  // The shape that all bottoms have. Each bottom has a top.
  const Shape& bottom_shape(const Bottoms& bottom, const Tops& top) const {
    check(bottom.size() == top.size(), "{} bottoms and {} tops; expected a top for each bottom", bottom.size(),
          top.size());
    const Shape& x = bottom[0]->shape();
    for (const Blob* b : bottom) {
      check(b->shape() == x, "bottoms differ in shape: {} and {}", x.str(), b->shape().str());
    }
    return x;
  }

  // Declares the parameters and sets the passes between images, which `patches` covers with windows, and maps.
  void prepare(const Shape& image, const Shape& map, int axis, const Patches& patches, bool bias_to_map) {
    std::vector<long> w = {map[axis], image[axis] / config_.group()};
    w.insert(w.end(), patches.windows.kernel.begin(), patches.windows.kernel.end());
    declare_parameter(0, Shape(w), config_.weight_filler());
    if (config_.bias_term()) declare_parameter(1, Shape{config_.num_output()}, config_.bias_filler());
    const ConvolutionProblem problem{.bottom = image,
                                     .top = map,
                                     .weights = Shape(w),
                                     .windows = patches.windows,
                                     .group = config_.group(),
                                     .bias = bias_to_map,
                                     .precision = precision(),
                                     .finish = tail_.finish(),
                                     .constant_weights = !net_runs_backward()};
    if (problem == problem_) return;
    problem_ = {};  // invalid until everything below has succeeded
    // Layouts other than plain have the channels at axis 1.
    choose_engine(problem, may_use_engine() && axis == 1);
    if (!engine_) plain_ = PlainConvolution(patches, image.count(0, axis), map[axis], config_.group());
    problem_ = problem;
  }

  bool may_use_engine() const { return use_engine() && config_.engine() != ConvolutionParameter::CAFFE; }

  Layout image_layout() const { return engine_ ? engine_->bottom_layout() : Layout::plain; }
  Layout map_layout() const { return engine_ ? engine_->top_layout() : Layout::plain; }

  void to_map(const real* image, const FusedTail::Weights& w, const real* b, real* map) {
    if (engine_) {
      engine_->forward(image, w.data, w.version, b, tail_.other(), map);
    } else {
      plain_.forward(image, w.data, b, map, scratch(plain_.data_memory()));
    }
    if (!finishes_) finish_in_loops(tail_.finish(), storage_count(problem_.top, map_layout()), tail_.other(), map);
  }

  void to_image(const real* map, real* image) {
    const Parameter& w = parameters()[0];
    if (engine_) return engine_->backward_data(map, w.data(), w.version(), image);
    plain_.backward_data(map, w.data(), image, scratch(plain_.data_memory()));
  }

  // dw and db may be null; db is for a bias that is added to maps.
  void parameter_gradients(const real* image, const real* map, real* dw, real beta_w, real* db, real beta_b) {
    if (engine_) return engine_->backward_weights(image, map, dw, beta_w, db, beta_b);
    if (dw) plain_.backward_weights(image, map, dw, beta_w, scratch(plain_.weights_memory()));
    if (!db) return;
    const int axis = problem_.top.axes() - static_cast<int>(problem_.windows.kernel.size()) - 1;
    sum_channels(problem_.top.count(0, axis), config_.num_output(), problem_.top.count_from(axis + 1), map, beta_b, db);
  }

  // Null if there is no such parameter, or if it does not learn.
  Parameter* learning(size_t index) {
    return index < parameters().size() && parameters()[index].learns() ? &parameters()[index] : nullptr;
  }

  double multiply_adds_of(long maps) const {
    return static_cast<double>(maps) * static_cast<double>(problem_.top.count()) *
           static_cast<double>(problem_.weights.count_from(1));
  }

  // The names of the engine's backward kernels: `data` for the bottoms, then that for the parameters.
  std::string both(const std::string& data) const {
    const std::string weights = engine_->backward_weights_implementation();
    return data == weights ? data : data + ", " + weights;
  }

  ConvolutionParameter config_;
  const WindowFields fields_;
  ConvolutionProblem problem_;
  std::unique_ptr<EngineConvolution> engine_;
  FusedTail tail_;  // absorbed work that to_map() does; empty in a net that runs backward

 private:
  // Chooses a kernel that also computes the tail or, if there is none, one without it.
  void choose_engine(ConvolutionProblem problem, bool wanted) {
    tail_.forget_weights();
    const auto choose = [&] { return choose_convolution(problem, algorithms(), net_runs_backward()); };
    engine_ = wanted ? choose() : nullptr;
    finishes_ = engine_ != nullptr || !problem.finish;
    if (finishes_ || !wanted) return;
    problem.finish = {};
    engine_ = choose();
  }

  PlainConvolution plain_;
  bool finishes_ = true;  // whether the tail's last part needs no pass of its own
};

class Convolution : public Convolutional {
 public:
  explicit Convolution(const LayerParameter& config) : Convolution(config, true) {}

  std::string implementation() const override { return engine_ ? engine_->implementation() : "plain"; }

  std::string backward_implementation() const override {
    return engine_ ? both(engine_->backward_data_implementation()) : "plain";
  }

  double multiply_adds(const Bottoms&, const Tops& top) const override {
    return multiply_adds_of(static_cast<long>(top.size()));
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom_shape(bottom, top);
    const int axis = x.canonical(config_.axis());
    check(x[axis] > 0 && x[axis] % config_.group() == 0, "{} channels are not divisible by group {}", x[axis],
          config_.group());
    const Patches patches = fields_.patches(x, axis);
    std::vector<long> y = x.dims();
    y[axis] = config_.num_output();
    std::copy(patches.output.begin(), patches.output.end(), y.begin() + axis + 1);
    const Shape top_shape(y);
    prepare(x, top_shape, axis, patches, config_.bias_term() || tail_.has_affine());
    for (size_t i = 0; i < top.size(); ++i) {
      takes(static_cast<int>(i), image_layout());
      top[i]->reshape(top_shape, map_layout());
    }
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const FusedTail::Weights w = tail_.weights(parameters());
    for (size_t i = 0; i < bottom.size(); ++i) to_map(bottom[i]->data(), w, w.bias, top[i]->mutable_data());
    if (engine_ && engine_->keeps_weights()) tail_.drop_weights();
  }

  // Absorbs nothing in a net that runs backward: the gradients of the values between would be missing. A ReLU could be
  // absorbed for forward alone. But with slope 0 the engine's kernels hide a NaN, and kernels that keep it are no
  // faster than a separate pass.
  Absorbed absorb(Layer& next, const Bottoms& others) override {
    if (net_runs_backward() || !may_use_engine() || config_.axis() != 1) return Absorbed::nothing;
    return tail_.take(next, others) ? Absorbed::all : Absorbed::nothing;
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    Parameter *w = learning(0), *b = learning(1);
    real *dw = w ? w->mutable_diff() : nullptr, *db = b ? b->mutable_diff() : nullptr;
    real beta_w = w ? w->beta() : 0, beta_b = b ? b->beta() : 0;
    for (size_t i = 0; i < bottom.size(); ++i) {
      if (dw || db) parameter_gradients(bottom[i]->data(), top[i]->diff(), dw, beta_w, db, beta_b);
      beta_w = beta_b = 1;
      if (down[i]) to_image(top[i]->diff(), bottom[i]->mutable_diff());
    }
  }

 protected:
  Convolution(const LayerParameter& config, bool knows_outputs) : Convolutional(config) {
    if (knows_outputs) check_outputs();
  }
};

class Deconvolution final : public Convolutional {
 public:
  explicit Deconvolution(const LayerParameter& config) : Convolutional(config) { check_outputs(); }

  OwnMemory own_memory(bool backward) const override { return memory(backward, true); }

  std::string implementation() const override { return engine_ ? engine_->backward_data_implementation() : "plain"; }

  std::string backward_implementation() const override { return engine_ ? both(engine_->implementation()) : "plain"; }

  double multiply_adds(const Bottoms& bottom, const Tops&) const override {
    return multiply_adds_of(static_cast<long>(bottom.size()));
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom_shape(bottom, top);
    const int axis = x.canonical(config_.axis()), spatial = x.axes() - axis - 1;
    check(x[axis] > 0 && x[axis] % config_.group() == 0, "{} channels are not divisible by group {}", x[axis],
          config_.group());
    const Windows windows = fields_.windows(spatial);
    std::vector<long> y = x.dims();
    y[axis] = config_.num_output();
    for (int a = 0; a < spatial; ++a) {
      const long in = x[axis + 1 + a],
                 steps = size_product(windows.stride[a], std::max(0L, in - 1), "stride (size - 1)");
      const long out = steps + windows.extent(a) - 2 * windows.pad[a];
      check(in > 0 && out > 0,
            "spatial axis {} of {} elements becomes {}: nothing is left by stride {}, kernel {}{}, pad {}", a, in, out,
            windows.stride[a], windows.kernel[a],
            windows.dilation[a] > 1 ? fmt::format(" (dilated: {})", windows.extent(a)) : "", windows.pad[a]);
      y[axis + 1 + a] = out;
    }
    top_shape_ = Shape(y);
    prepare(top_shape_, x, axis, fields_.patches(top_shape_, axis), false);
    split_ = AxisSplit(top_shape_, axis);
    for (size_t i = 0; i < top.size(); ++i) {
      takes(static_cast<int>(i), map_layout());
      top[i]->reshape(top_shape_, image_layout());
    }
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    for (size_t i = 0; i < bottom.size(); ++i) {
      to_image(bottom[i]->data(), top[i]->mutable_data());
      if (config_.bias_term()) add_to_channels(split_, image_layout(), parameters()[1].data(), top[i]->mutable_data());
    }
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    Parameter *w = learning(0), *b = learning(1);
    real beta_w = w ? w->beta() : 0, beta_b = b ? b->beta() : 0;
    for (size_t i = 0; i < bottom.size(); ++i) {
      const real* dy = top[i]->diff();
      if (w) parameter_gradients(dy, bottom[i]->data(), w->mutable_diff(), beta_w, nullptr, 0);
      if (b) sum_over_channels(split_, image_layout(), dy, beta_b, b->mutable_diff());
      beta_w = beta_b = 1;
      if (down[i]) to_map(dy, tail_.weights(parameters()), nullptr, bottom[i]->mutable_diff());
    }
  }

 private:
  Shape top_shape_;
  AxisSplit split_;  // of a top
};

// The number of groups, and what follows from it, is known only once the number of channels is known.
class DepthwiseConvolution : public Convolution {
 public:
  explicit DepthwiseConvolution(const LayerParameter& config) : DepthwiseConvolution(config, false) { check_outputs(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    const long all = x[x.canonical(config_.axis())];
    check(all > 0, "bottom 0 has no channels (shape {})", x.str());
    check(all <= std::numeric_limits<int32_t>::max(), "bottom 0 ({}) has {} channels; a group has a number up to {}",
          x.str(), all, std::numeric_limits<int32_t>::max());
    const auto channels = static_cast<uint32_t>(all);
    check(!grouped_ || config_.group() == channels, "group is {}; expected the number of channels, {}", config_.group(),
          channels);
    config_.set_group(channels);
    if (one_each_ && !config_.has_num_output()) config_.set_num_output(channels);
    check(!one_each_ || config_.num_output() == channels, "num_output is {}; expected the number of channels, {}",
          config_.num_output(), channels);
    check_outputs();
    Convolution::reshape(bottom, top);
  }

 protected:
  DepthwiseConvolution(const LayerParameter& config, bool one_each)
      : Convolution(config, false), one_each_(one_each), grouped_(config_.group() > 1) {}

 private:
  const bool one_each_;  // an output for each channel
  const bool grouped_;   // whether the configuration sets the group
};

class ConvolutionDepthwise final : public DepthwiseConvolution {
 public:
  explicit ConvolutionDepthwise(const LayerParameter& config) : DepthwiseConvolution(config, true) {}
};

const RegisterLayer<Convolution> convolution("Convolution", "convolution_param");
const RegisterLayer<Deconvolution> deconvolution("Deconvolution", "convolution_param");
const RegisterLayer<DepthwiseConvolution> depthwise_convolution("DepthwiseConvolution", "convolution_param");
const RegisterLayer<ConvolutionDepthwise> convolution_depthwise("ConvolutionDepthwise", "convolution_param");

}  // namespace
}  // namespace crema

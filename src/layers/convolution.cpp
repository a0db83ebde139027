// Convolution:  y[n, o, p] = b[o] + sum over c, k of w[o, c, k] * x[n, c, p * stride - pad + k * dilation],  with zeros
// outside of x; with groups, the outputs and the channels fall into `group` parts that see each other alone.
// bottom[i] x: batch axes, channels (at `axis`), any number of spatial axes; all of one shape.  top[i] y: num_output in
// place of the channels.  Parameters: weights (num_output, channels / group, kernel...), bias (num_output).
// Rejects a kernel larger than the padded input, and channels or num_output that group does not divide.
#include <algorithm>

#include <omp.h>

#include "base/parallel.h"
#include "core/layer.h"
#include "core/window_fields.h"
#include "math/blas.h"
#include "math/engine_convolution.h"
#include "math/im2col.h"

namespace crema {
namespace {

// Gradients of the weights are summed within this many groups of images, then over the groups: the order of the sums
// does not depend on how many threads take part.
constexpr long kBlocks = 16;
constexpr long kMaxPartials = 1L << 24;  // elements

class Convolution final : public Layer {
 public:
  explicit Convolution(const LayerParameter& config) : config_(config.convolution_param()), fields_(config_) {
    const ConvolutionParameter& c = config_;
    check(c.num_output() > 0, "num_output is {}; expected a positive number", c.num_output());
    check(c.group() > 0, "group is 0; expected a positive number");
    check(c.num_output() % c.group() == 0, "num_output {} is not divisible by group {}", c.num_output(), c.group());
  }

  Contract contract() const override {
    return Contract().bottoms(1, Contract::kAny).tops(1, Contract::kAny).reads_bottom_data(Indices::all());
  }

  std::string implementation() const override { return engine_ ? engine_->implementation() : "plain"; }

  // Each element of a top is the product of one kernel and the patch below it.
  double multiply_adds(const Bottoms&, const Tops& top) const override {
    const auto kernel = static_cast<double>(parameters()[0].count() / config_.num_output());
    return static_cast<double>(top.size()) * static_cast<double>(top[0]->count()) * kernel;
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    check(bottom.size() == top.size(), "{} bottoms and {} tops; expected a top for each bottom", bottom.size(),
          top.size());
    const Shape& x = bottom[0]->shape();
    for (const Blob* b : bottom) {
      check(b->shape() == x, "bottoms differ in shape: {} and {}", x.str(), b->shape().str());
    }
    const int axis = x.canonical(config_.axis());
    check(x[axis] > 0 && x[axis] % config_.group() == 0, "{} channels are not divisible by group {}", x[axis],
          config_.group());
    patches_ = fields_.patches(x, axis);
    std::vector<long> y = x.dims();
    y[axis] = config_.num_output();
    std::copy(patches_.output.begin(), patches_.output.end(), y.begin() + axis + 1);
    const Shape top_shape(y);

    std::vector<long> w = {config_.num_output(), patches_.channels / config_.group()};
    w.insert(w.end(), patches_.windows.kernel.begin(), patches_.windows.kernel.end());
    const Shape weights(w);
    declare_parameter(0, weights, config_.weight_filler());
    if (config_.bias_term()) declare_parameter(1, Shape{config_.num_output()}, config_.bias_filler());

    batch_ = x.count(0, axis);
    matrix_count_ = patches_.windows.trivial() ? 0 : Shape{patches_.rows(), patches_.columns()}.count();
    choose_engine({x, top_shape, weights, patches_.windows, config_.group(), config_.bias_term()}, axis);
    for (size_t i = 0; i < top.size(); ++i) {
      takes(static_cast<int>(i), engine_ ? engine_->bottom_layout() : Layout::plain);
      top[i]->reshape(top_shape, engine_ ? engine_->top_layout() : Layout::plain);
    }
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const Parameter& w = parameters()[0];
    const real* b = config_.bias_term() ? parameters()[1].data() : nullptr;
    for (size_t i = 0; i < bottom.size(); ++i) {
      if (engine_) {
        engine_->forward(bottom[i]->data(), w.data(), w.version(), b, top[i]->mutable_data());
      } else {
        forward_plain(bottom[i]->data(), w.data(), b, top[i]->mutable_data());
      }
    }
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    Parameter& w = parameters()[0];
    Parameter* b = config_.bias_term() && parameters()[1].learns() ? &parameters()[1] : nullptr;
    real* dw = w.learns() ? w.mutable_diff() : nullptr;
    real* db = b ? b->mutable_diff() : nullptr;
    real beta_w = dw ? w.beta() : 0, beta_b = db ? b->beta() : 0;
    for (size_t i = 0; i < bottom.size(); ++i) {
      const real *x = bottom[i]->data(), *dy = top[i]->diff();
      if (dw || db) {
        if (engine_) {
          engine_->backward_weights(x, dy, dw, beta_w, db, beta_b);
        } else {
          if (dw) backward_weights_plain(x, dy, dw, beta_w);
          if (db) sum_channels(batch_, config_.num_output(), patches_.columns(), dy, beta_b, db);
        }
        beta_w = beta_b = 1;
      }
      if (!down[i]) continue;
      if (engine_) {
        engine_->backward_data(dy, w.data(), w.version(), bottom[i]->mutable_diff());
      } else {
        backward_data_plain(dy, w.data(), bottom[i]->mutable_diff());
      }
    }
  }

 private:
  // Layouts other than plain know the channels at axis 1 alone.
  void choose_engine(const ConvolutionProblem& problem, int axis) {
    if (problem == problem_) return;
    const bool wanted = use_engine() && config_.engine() != ConvolutionParameter::CAFFE && axis == 1;
    engine_ = wanted ? EngineConvolution::create(problem) : nullptr;
    problem_ = problem;
  }

  // --- the plain path: for each image, and each group of it, a product of two matrices -------------------------------

  struct Sizes {
    long outputs, inputs, positions;  // of a group: weights are outputs x inputs, the patches inputs x positions
  };
  Sizes sizes() const {
    const long group = config_.group();
    return {config_.num_output() / group, patches_.rows() / group, patches_.columns()};
  }

  // How many of `items` (images, or blocks of them) are worked on side by side, each on one thread. With fewer items
  // than threads it is one, and all threads work on that.
  long lanes(long items) const {
    const long threads = omp_get_max_threads();
    return items < threads ? 1 : threads;
  }

  // Calls body(item, matrix) for all items; `matrix` is room for the patches of an image in `memory`, one a lane.
  template <typename Body>
  void for_items(long items, long lanes, real* memory, const Body& body) const {
    const Sizes s = sizes();
    const long cost = batch_ * config_.num_output() * s.inputs / lanes * s.positions;
    parallel_for(lanes, cost, [&](long first, long last) {
      for (long lane = first; lane < last; ++lane) {
        for (long i = items * lane / lanes; i < items * (lane + 1) / lanes; ++i) body(i, memory + lane * matrix_count_);
      }
    });
  }

  // The patches of an image: the image itself where each window is one element.
  const real* unfold(const real* image, real* matrix) const {
    if (matrix_count_ == 0) return image;
    im2col(patches_, image, matrix);
    return matrix;
  }

  void forward_plain(const real* x, const real* w, const real* b, real* y) {
    const Sizes s = sizes();
    const long x_step = patches_.image_count(), y_step = config_.num_output() * s.positions, count = lanes(batch_);
    for_items(batch_, count, scratch(count * matrix_count_), [&](long n, real* matrix) {
      const real* patches = unfold(x + n * x_step, matrix);
      real* to = y + n * y_step;
      if (b) fill_channels(1, config_.num_output(), s.positions, b, to);
      for (long g = 0; g < config_.group(); ++g) {
        gemm(Use::as_is, Use::as_is, s.outputs, s.positions, s.inputs, 1, w + g * s.outputs * s.inputs,
             patches + g * s.inputs * s.positions, b ? 1 : 0, to + g * s.outputs * s.positions);
      }
    });
  }

  void backward_data_plain(const real* dy, const real* w, real* dx) {
    const Sizes s = sizes();
    const long x_step = patches_.image_count(), y_step = config_.num_output() * s.positions, count = lanes(batch_);
    for_items(batch_, count, scratch(count * matrix_count_), [&](long n, real* matrix) {
      real* patches = matrix_count_ == 0 ? dx + n * x_step : matrix;
      for (long g = 0; g < config_.group(); ++g) {
        gemm(Use::transposed, Use::as_is, s.inputs, s.positions, s.outputs, 1, w + g * s.outputs * s.inputs,
             dy + n * y_step + g * s.outputs * s.positions, 0, patches + g * s.inputs * s.positions);
      }
      if (matrix_count_ > 0) col2im(patches_, matrix, dx + n * x_step);
    });
  }

  void backward_weights_plain(const real* x, const real* dy, real* dw, real beta) {
    const long count = parameters()[0].count(), blocks = std::min(batch_, kBlocks);
    const long side_by_side = blocks * count > kMaxPartials ? 1 : lanes(blocks);
    const long partials = side_by_side == 1 ? 1 : blocks;
    real* memory = scratch(side_by_side * matrix_count_ + partials * count);
    real* partial = memory + side_by_side * matrix_count_;
    if (beta == 0) std::fill(dw, dw + count, real{0});
    for_items(blocks, side_by_side, memory, [&](long block, real* matrix) {
      real* sum = partial + (partials == 1 ? 0 : block * count);
      sum_images(x, dy, batch_ * block / blocks, batch_ * (block + 1) / blocks, matrix, sum);
      if (partials == 1) axpy(count, 1, sum, dw);
    });
    if (partials == 1) return;
    parallel_for(count, blocks, [&](long begin, long end) {
      for (long block = 0; block < blocks; ++block) {
        const real* sum = partial + block * count;
        for (long i = begin; i < end; ++i) dw[i] += sum[i];
      }
    });
  }

  // sum = the weights' gradient of the images begin .. end-1.
  void sum_images(const real* x, const real* dy, long begin, long end, real* matrix, real* sum) const {
    const Sizes s = sizes();
    for (long n = begin; n < end; ++n) {
      const real* patches = unfold(x + n * patches_.image_count(), matrix);
      for (long g = 0; g < config_.group(); ++g) {
        gemm(Use::as_is, Use::transposed, s.outputs, s.inputs, s.positions, 1,
             dy + (n * config_.num_output() + g * s.outputs) * s.positions, patches + g * s.inputs * s.positions,
             n == begin ? 0 : 1, sum + g * s.outputs * s.inputs);
      }
    }
  }

  const ConvolutionParameter config_;
  const WindowFields fields_;
  Patches patches_;
  long batch_ = 0;
  long matrix_count_ = 0;  // elements of an image's patches; 0 where the image itself is used
  ConvolutionProblem problem_;
  std::unique_ptr<EngineConvolution> engine_;
};

const RegisterLayer<Convolution> registered("Convolution", "convolution_param");

}  // namespace
}  // namespace crema

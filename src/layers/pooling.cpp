// Pooling:  y = the largest (MAX), the mean (AVE) or a randomly picked (STOCHASTIC) element of each window of x.
// bottom[0] x: (N, C, H, W).  top[0] y: (N, C, outputs of H, outputs of W).  No parameters.
// top[1], MAX only: where in its H x W plane each maximum was found; takes no gradient.
// Rejects a pad that reaches the kernel's size, and windows that do not fit.
// STOCHASTIC, for x >= 0 without padding, picks x with probability x / sum while training, else y = sum x^2 / sum x
// (Zeiler and Fergus, 2013, arXiv:1301.3557).
#include "math/pooling.h"
#include "core/layer.h"
#include "core/window_fields.h"
#include "math/checked_engine.h"
#include "math/loops.h"

namespace crema {
namespace {

constexpr long kMaxPlace = 1L << 24;  // up to here a float holds every whole number

class Pooling final : public Layer {
 public:
  explicit Pooling(const LayerParameter& config)
      : config_(config.pooling_param()), windows_(WindowFields(config_).windows(2)) {
    const PoolingParameter& p = config_;
    const bool has_kernel = p.has_kernel_size() || p.has_kernel_h();
    const std::vector<long>&kernel = windows_.kernel, &pad = windows_.pad;
    const bool padded = pad[0] > 0 || pad[1] > 0;
    if (p.global_pooling()) {
      check(!has_kernel, "global_pooling takes the whole image: a kernel makes no sense");
      check(!padded && windows_.stride == std::vector<long>{1, 1}, "global_pooling goes with pad 0 and stride 1 alone");
      return;
    }
    check(has_kernel, "no kernel_size is given (nor kernel_h and kernel_w, nor global_pooling)");
    check(pad[0] < kernel[0] && pad[1] < kernel[1], "the pad, {}, must be smaller than the kernel, {}",
          fmt::join(pad, "x"), fmt::join(kernel, "x"));
    check(!padded || p.pool() != PoolingParameter::STOCHASTIC, "STOCHASTIC knows no padding; the pad is {}",
          fmt::join(pad, "x"));
  }

  Contract contract() const override {
    return Contract().tops(1, config_.pool() == PoolingParameter::MAX ? 2 : 1).no_gradient_from({1});
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Blob& x = *bottom[0];
    check(x.axes() == 4, "the bottom has {} axes (shape {}); pooling works on 4: N C H W", x.axes(), x.shape().str());
    check(top.size() < 2 || Shape{x.dim(2), x.dim(3)}.count() <= kMaxPlace,
          "planes of {} x {} have places that top 1 cannot hold; it holds whole numbers up to {}", x.dim(2), x.dim(3),
          kMaxPlace);
    if (!(x.shape() == shape_) || x.layout() != layout_ || top.size() != tops_) prepare(x, top.size());
    const Layout layout = engine_ ? x.layout() : Layout::plain;
    takes(0, layout);
    const Shape y{x.dim(0), x.dim(1), h_.out, w_.out};
    top[0]->reshape(y, layout);
    if (top.size() > 1) top[1]->reshape(y);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    if (engine_) return engine_->forward(x, y);
    const long step = plain_.record_count();
    if (config_.pool() != PoolingParameter::STOCHASTIC) {
      plain_.forward(x, y, step);
    } else if (phase() == TRAIN) {
      plain_.pick(x, y, step, random("pooling"), 0);
    } else {
      plain_.expect(x, y, step);
    }
    if (top.size() < 2) return;
    real* places = top[1]->mutable_data();
    for_elements(top[1]->count(), 1,
                 [=, at = plain_.places().data()](long i) { places[i] = static_cast<real>(at[i]); });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    check(config_.pool() != PoolingParameter::STOCHASTIC || phase() == TRAIN,
          "STOCHASTIC has a gradient while training alone");
    const real* dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    if (engine_) return engine_->backward(dy, dx);
    plain_.backward(dy, plain_.record_count(), false, dx);
  }

  std::string implementation() const override { return engine_ ? engine_->implementation() : "plain"; }

  OwnMemory own_memory(bool) const override {
    if (!engine_) return {plain_.memory(), 0};
    const EngineMemory memory = engine_->memory();
    return {memory.kept, memory.passing};
  }

 private:
  void prepare(const Blob& x, size_t tops) {
    shape_ = Shape();  // invalid until everything below has succeeded
    h_ = cut_axis(x, 0);
    w_ = cut_axis(x, 1);
    check(h_.out > 0 && w_.out > 0, "kernel {}x{} is larger than the padded input {}x{}", h_.kernel, w_.kernel,
          h_.in + 2 * h_.pad, w_.in + 2 * w_.pad);
    engine_ = nullptr;
    if (use_engine() && config_.engine() != PoolingParameter::CAFFE && tops == 1) {
      engine_ = checked_pooling({method(), x.shape(), x.layout(), h_, w_});
    }
    if (!engine_) plain_ = PlainPooling(method(), x.dim(0), x.dim(1), h_, w_);
    shape_ = x.shape();
    layout_ = x.layout();
    tops_ = tops;
  }

  PoolingMethod method() const {
    switch (config_.pool()) {
      case PoolingParameter::MAX:
        return PoolingMethod::maximum;
      case PoolingParameter::AVE:
        return PoolingMethod::average;
      case PoolingParameter::STOCHASTIC:
        break;
    }
    return PoolingMethod::stochastic;
  }

  PoolingAxis cut_axis(const Blob& x, int a) const {
    const long in = x.dim(2 + a), kernel = config_.global_pooling() ? in : windows_.kernel[a];
    return cut_windows(in, kernel, windows_.stride[a], windows_.pad[a], config_.round_mode() == PoolingParameter::CEIL);
  }

  PoolingParameter config_;
  Windows windows_;
  Shape shape_;  // the bottom's shape; with its layout and the number of tops, what the members below were made for
  Layout layout_ = Layout::plain;
  size_t tops_ = 0;
  PoolingAxis h_, w_;
  std::unique_ptr<EnginePooling> engine_;
  PlainPooling plain_;
};

const RegisterLayer<Pooling> registered("Pooling", "pooling_param");

}  // namespace
}  // namespace crema

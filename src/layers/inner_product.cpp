// InnerProduct:  y = x W' + b.
// bottom[0] x: the axes before `axis` are batch (M elements), the others are one vector of K inputs.
// top[0] y: the batch axes, then num_output (N).  Parameters: weights W (N, K), or (K, N) with transpose, which then
// stand for W'; bias b (N).  Rejects a bottom whose K differs from that of the weights.
#include "core/fused_tail.h"
#include "core/layer.h"
#include "math/blas.h"
#include "math/checked_engine.h"

namespace crema {
namespace {

class InnerProduct final : public Layer {
 public:
  explicit InnerProduct(const LayerParameter& config) : config_(config.inner_product_param()) {
    check(config_.num_output() > 0, "num_output is {}; expected a positive number", config_.num_output());
  }

  Contract contract() const override { return Contract().reads_bottom_data(); }

  std::string implementation() const override { return engine_ ? engine_->implementation() : "plain"; }

  OwnMemory own_memory(bool backward) const override {
    if (!engine_) return {};
    const EngineMemory memory = engine_->memory(backward);
    return {memory.kept, memory.passing};
  }

  double multiply_adds(const Bottoms&, const Tops&) const override {
    return static_cast<double>(batch_) * static_cast<double>(parameters()[0].count());
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    const int axis = x.canonical(config_.axis());
    const bool transpose = config_.transpose(), bias = config_.bias_term();
    const long n = config_.num_output();
    batch_ = x.count(0, axis);
    inputs_ = x.count_from(axis);
    std::vector<long> y(x.dims().begin(), x.dims().begin() + axis);
    y.push_back(n);
    top[0]->reshape(Shape(y));
    declare_parameter(0, transpose ? Shape{inputs_, n} : Shape{n, inputs_}, config_.weight_filler());
    if (bias) declare_parameter(1, Shape{n}, config_.bias_filler());
    choose_engine({.rows = batch_,
                   .inputs = inputs_,
                   .outputs = n,
                   .transpose = transpose,
                   .bias = bias || tail_.has_affine(),
                   .constant_weights = !net_runs_backward(),
                   .precision = precision(),
                   .finish = tail_.finish()});
  }

  // The same as in a convolution. The outputs are channels if there is exactly one batch axis before them.
  Absorbed absorb(Layer& next, const Bottoms& others) override {
    if (net_runs_backward() || !use_engine() || config_.axis() != 1) return Absorbed::nothing;
    return tail_.take(next, others) ? Absorbed::all : Absorbed::nothing;
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const FusedTail::Weights w = tail_.weights(parameters(), config_.transpose());
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    if (engine_) {
      engine_->forward(x, w.data, w.version, w.bias, tail_.other(), y);
      if (engine_->keeps_weights()) tail_.drop_weights();
    } else {
      const long n = config_.num_output();
      if (w.bias) fill_channels(batch_, n, 1, w.bias, y);
      gemm(Use::as_is, config_.transpose() ? Use::as_is : Use::transposed, batch_, n, inputs_, 1, x, w.data,
           w.bias ? 1 : 0, y);
    }
    if (!finishes_) finish_in_loops(tail_.finish(), batch_ * config_.num_output(), tail_.other(), y);
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    backward_parameters(x, dy);
    if (!down[0]) return;
    const Parameter& parameter = parameters()[0];
    const real* w = parameter.data();
    real* dx = bottom[0]->mutable_diff();
    if (engine_) return engine_->backward_data(dy, w, parameter.version(), dx);
    gemm(Use::as_is, config_.transpose() ? Use::transposed : Use::as_is, batch_, inputs_, config_.num_output(), 1, dy,
         w, 0, dx);
  }

 private:
  void backward_parameters(const real* x, const real* dy) {
    Parameter& w = parameters()[0];
    Parameter* b = config_.bias_term() && parameters()[1].learns() ? &parameters()[1] : nullptr;
    real* dw = w.learns() ? w.mutable_diff() : nullptr;
    real* db = b ? b->mutable_diff() : nullptr;
    if (!dw && !db) return;
    const real beta_w = dw ? w.beta() : 0, beta_b = db ? b->beta() : 0;
    if (engine_) return engine_->backward_weights(x, dy, dw, beta_w, db, beta_b);
    const long n = config_.num_output();
    if (db) sum_channels(batch_, n, 1, dy, beta_b, db);
    if (!dw) return;
    if (config_.transpose()) {
      gemm(Use::transposed, Use::as_is, inputs_, n, batch_, 1, x, dy, beta_w, dw);
    } else {
      gemm(Use::transposed, Use::as_is, n, inputs_, batch_, 1, dy, x, beta_w, dw);
    }
  }

  void choose_engine(const InnerProductProblem& problem) {
    if (problem == problem_) return;
    problem_ = {};  // invalid until everything below has succeeded
    tail_.forget_weights();
    engine_ = use_engine() ? checked_inner_product(problem) : nullptr;
    finishes_ = engine_ != nullptr || !problem.finish;
    if (!finishes_ && use_engine()) {
      InnerProductProblem alone = problem;
      alone.finish = {};
      engine_ = checked_inner_product(alone);
    }
    problem_ = problem;
  }

  const InnerProductParameter config_;
  long batch_ = 0, inputs_ = 0;
  InnerProductProblem problem_;
  std::unique_ptr<EngineInnerProduct> engine_;
  FusedTail tail_;        // empty in a net that runs backward
  bool finishes_ = true;  // whether the tail's last part needs no pass of its own
};

const RegisterLayer<InnerProduct> registered("InnerProduct", "inner_product_param");

}  // namespace
}  // namespace crema

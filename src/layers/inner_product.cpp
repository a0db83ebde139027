// InnerProduct:  y = x W' + b.
// bottom[0] x: the axes before `axis` are batch (M elements), the others are one vector of K inputs.
// top[0] y: the batch axes, then num_output (N).  Parameters: weights W (N, K), or (K, N) with transpose, which then
// stand for W'; bias b (N).  Rejects a bottom whose K differs from that of the weights.
#include "core/layer.h"
#include "math/blas.h"
#include "math/engine_inner_product.h"

namespace crema {
namespace {

class InnerProduct final : public Layer {
 public:
  explicit InnerProduct(const LayerParameter& config) : config_(config.inner_product_param()) {
    check(config_.num_output() > 0, "num_output is {}; expected a positive number", config_.num_output());
  }

  Contract contract() const override { return Contract().reads_bottom_data(); }

  std::string implementation() const override { return engine_ ? engine_->implementation() : "plain"; }

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
    choose_engine({batch_, inputs_, n, transpose, bias, pass().phase == TEST});
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const Parameter& w = parameters()[0];
    const real* b = config_.bias_term() ? parameters()[1].data() : nullptr;
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    if (engine_) return engine_->forward(x, w.data(), w.version(), b, y);
    const long n = config_.num_output();
    if (b) fill_channels(batch_, n, 1, b, y);
    gemm(Use::as_is, config_.transpose() ? Use::as_is : Use::transposed, batch_, n, inputs_, 1, x, w.data(), b ? 1 : 0,
         y);
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    backward_parameters(x, dy);
    if (!down[0]) return;
    const real* w = parameters()[0].data();
    real* dx = bottom[0]->mutable_diff();
    if (engine_) return engine_->backward_data(dy, w, dx);
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
    engine_ = use_engine() ? EngineInnerProduct::create(problem) : nullptr;
    problem_ = problem;
  }

  const InnerProductParameter config_;
  long batch_ = 0, inputs_ = 0;
  InnerProductProblem problem_;
  std::unique_ptr<EngineInnerProduct> engine_;
};

const RegisterLayer<InnerProduct> registered("InnerProduct", "inner_product_param");

}  // namespace
}  // namespace crema

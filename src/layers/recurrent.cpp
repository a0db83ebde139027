// LSTM:  c = k sigmoid(f) c_prev + sigmoid(i) tanh(g),  h = sigmoid(o) tanh(c),  step by step along the first axis;
//   i, f, o and g are the four parts of  W_x x + b + W_h (k h_prev) [+ W_s s].
// bottom[0] x: (T, N, ...), T steps of N sequences.  bottom[1] k: (T, N), 0 where a sequence begins, else 1; takes no
// gradient.  bottom[2], optional: s (N, ...), the same for all steps.  top[0] h: (T, N, D), D = num_output.
// A batch goes on from the last h and c of the one before, without a gradient (from 0 at first and where N is another
// one). With expose_hidden they are the last bottoms (1, N, D) and tops (1, N, D) instead, with gradients.
// Parameters: W_x (4 D, ...), b (4 D), W_s (4 D, ...) if there is an s, W_h (4 D, D).  Rejects other shapes.
// Hochreiter and Schmidhuber, 1997; Donahue et al., 2014, arXiv:1411.4389.
//
// RNN:  h = tanh(W_x x + b + W_h (k h_prev) [+ W_s s]),  y = tanh(W_o h + b_o).
// Bottoms and tops are those of LSTM without c; top[0] holds y.
// Parameters: W_x (D, ...), b (D), W_s (D, ...) if there is an s, W_h (D, D), W_o (D, D), b_o (D).
#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "core/carried_state.h"
#include "core/filler.h"
#include "core/layer.h"
#include "math/blas.h"
#include "math/checked_engine.h"
#include "math/loops.h"
#include "math/lstm_row.h"
#include "math/simd_exp.h"
#include "math/step_products.h"

namespace crema {
namespace {

// y = cont x. If cont is 0, y is 0 whatever x holds, even NaN.
void cut(long n, real cont, const real* x, real* y) {
#pragma omp simd
  for (long k = 0; k < n; ++k) y[k] = cont == 0 ? 0 : cont * x[k];
}

double mean_abs(long n, const real* x) {
  if (n == 0) return 0;
  return parallel_sum(n, 1, [x](long i) { return std::abs(x[i]); }) / static_cast<double>(n);
}

// The part of a recurrent layer that does not depend on what happens within a step. Row t * N + n is record n of step
// t.
class Recurrent : public Layer {
 public:
  // states: h, or h and c. gates: how many numbers a step needs for each cell. projects: the output is not h itself.
  Recurrent(const LayerParameter& config, int states, int gates, bool projects)
      : config_(config.recurrent_param()),
        states_(states),
        cells_(config_.num_output()),
        width_(gates * cells_),
        projects_(projects),
        hidden_(config_.expose_hidden() ? states : 0),
        static_(config.bottom_size() > 2 + hidden_ ? 1 : 0),
        carried_(states) {
    check(cells_ > 0, "num_output is {}; it must be given and positive", cells_);
    check_filler(config_.weight_filler());
    check_filler(config_.bias_filler());
  }

  // Forward keeps gates and states.
  Contract contract() const override {
    Contract contract = Contract().bottoms(2 + hidden_, 3 + hidden_).tops(1 + hidden_).no_gradient_to({1});
    return contract.reads_bottom_data(static_ ? Indices{0, 1, 2} : Indices{0, 1});
  }

  std::string implementation() const override { return products_.implementation(); }

  OwnMemory own_memory(bool backward) const override {
    const long kept = gates_.size() + cut_.size() + static_gates_.size();
    return {kept * static_cast<long>(sizeof(real)) + products_.copied(backward),
            backward ? backward_room() * static_cast<long>(sizeof(real)) : 0};
  }

  double multiply_adds(const Bottoms&, const Tops&) const override {
    double sum = 0;
    for (size_t k = 0; k < parameters().size(); ++k) {
      const bool is_static = static_ && k == 2, is_bias = parameters()[k].shape().axes() == 1;
      if (!is_bias) sum += static_cast<double>(is_static ? streams_ : rows()) * static_cast<double>(weights(k).count());
    }
    return sum;
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    check_shapes(bottom);
    steps_ = bottom[0]->dim(0);
    streams_ = bottom[0]->dim(1);
    inputs_ = bottom[0]->shape().count_from(2);
    declare_parameter(0, {width_, inputs_}, config_.weight_filler());
    declare_parameter(1, {width_}, config_.bias_filler());
    if (static_) declare_parameter(2, {width_, bottom[2]->shape().count_from(1)}, config_.weight_filler());
    declare_parameter(2 + static_, {width_, cells_}, config_.weight_filler());
    if (projects_) {
      declare_parameter(3 + static_, {cells_, cells_}, config_.weight_filler());
      declare_parameter(4 + static_, {cells_}, config_.bias_filler());
    }
    choose_engine();
    carried_.reshape(state_shape());
    gates_.grow(Shape{rows(), width_}.count());
    cut_.grow(Shape{rows(), cells_}.count());
    if (static_) static_gates_.grow(Shape{streams_, width_}.count());
    top[0]->reshape({steps_, streams_, cells_});
    for (int s = 0; s < hidden_; ++s) top[1 + s]->reshape(state_shape());
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    carried_.begin(pass().replay);
    const real* from[2] = {};
    for (int s = 0; s < states_; ++s) from[s] = hidden_ ? bottom[2 + static_ + s]->data() : carried_.start(s);
    sum_inputs(bottom);
    begin(top, from[1]);
    run(bottom[1]->data(), from[0]);
    finish(top);
    for (int s = 0; s < states_; ++s) {
      const real* last = steps_ == 0 ? from[s] : state(s);
      if (hidden_) copy_elements(streams_ * cells_, last, top[1 + s]->mutable_data());
      if (!hidden_) carried_.end(pass().replay, s, last);
    }
    if (config_.debug_info()) log_forward();
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const long states = streams_ * cells_, in_gates = rows() * width_;
    real* d_gates = scratch(backward_room());
    real *dh = d_gates + in_gates, *dc = dh + states, *d_static = dc + states, *room = d_static + streams_ * width_;
    for (int s = 0; s < states_; ++s) {
      real* d_last = s == 0 ? dh : dc;
      if (hidden_) copy_elements(states, top[1 + s]->diff(), d_last);
      if (!hidden_) std::fill_n(d_last, states, real{0});
    }
    run_back(bottom[1]->data(), output_gradient(top, d_gates, room), dh, dc, d_gates);
    if (config_.debug_info()) log_backward(d_gates);
    for (int s = 0; s < hidden_; ++s) {
      const int b = 2 + static_ + s;
      if (down[b]) copy_elements(states, s == 0 ? dh : dc, bottom[b]->mutable_diff());
    }
    input_gradients(d_gates, d_static, down, bottom);
  }

  void save(LayerProgress& progress) const override {
    if (!hidden_) carried_.save(progress);
  }
  void restore(const LayerProgress& progress) override { carried_.restore(progress); }

 protected:
  long rows() const { return steps_ * streams_; }
  long cells() const { return cells_; }
  long streams() const { return streams_; }
  Parameter& weights(size_t k) { return parameters()[k]; }
  const Parameter& weights(size_t k) const { return parameters()[k]; }
  Parameter& projection(int k) { return parameters()[3 + static_ + k]; }
  real* gates(long row) { return gates_.data() + row * width_; }
  const real* gates(long row) const { return gates_.data() + row * width_; }

  // begin() is called before the first step, with its states c; finish() after the last step.
  virtual void begin(const Tops& top, const real* c) = 0;
  virtual void finish(const Tops& top) = 0;
  // Computes one row: turns its sums into gates, in place, and computes its states.
  virtual void row_forward(long row, real cont) = 0;
  // Computes dx, the gradient of the sums, from dh and dc; dc becomes the gradient of the state before.
  virtual void row_back(long row, real cont, const real* dh, real* dc, real* dx) = 0;
  // h of all rows; the states after the last step.
  virtual const real* hidden() const = 0;
  virtual const real* state(int s) const = 0;
  // The part of the gradient of h that comes through top 0, for all rows. It may be written over d_gates. room: memory
  // for a row of cells for each row, used if h is not the output.
  virtual const real* output_gradient(const Tops& top, real* d_gates, real* room) = 0;

 private:
  Shape state_shape() const { return {1, streams_, cells_}; }
  long backward_room() const {
    return rows() * width_ + streams_ * (2 * cells_ + width_) + (projects_ ? rows() * cells_ : 0);
  }

  void check_shapes(const Bottoms& bottom) const {
    const Shape &x = bottom[0]->shape(), &cont = bottom[1]->shape();
    check(x.axes() >= 3, "bottom 0 has shape {}; expected T N ..., 3 axes or more", x.str());
    check(cont == Shape({x[0], x[1]}), "bottom 1 has shape {}; with bottom 0 of {}, expected {} {}", cont.str(),
          x.str(), x[0], x[1]);
    if (static_) {
      const Shape& s = bottom[2]->shape();
      check(s.axes() >= 2 && s[0] == x[1],
            "bottom 2 has shape {}; with bottom 0 of {}, expected {} ..., 2 axes or more", s.str(), x.str(), x[1]);
    }
    const Shape state{1, x[1], cells_};
    for (int b = 2 + static_; b < 2 + static_ + hidden_; ++b) {
      check(bottom[b]->shape() == state, "bottom {} has shape {}; a state of {} is expected", b,
            bottom[b]->shape().str(), state.str());
    }
  }

  void choose_engine() {
    products_.reshape(steps_, streams_, width_, cells_, use_engine());
    // The products have so many rows that a copy of the weights in the engine's layout pays off.
    const InnerProductProblem inputs{rows(), inputs_, width_, false, true, true};
    if (!use_engine() || inputs == inputs_problem_) return;
    inputs_problem_ = {};  // invalid until everything below has succeeded
    inputs_engine_ = checked_inner_product(inputs);
    states_engine_ = checked_inner_product({rows(), cells_, width_});
    inputs_problem_ = inputs;
  }

  // W_x x + b [+ W_s s] of all rows: one product.
  void sum_inputs(const Bottoms& bottom) {
    const real* b = weights(1).data();
    if (static_) {
      real* sums = static_gates_.data();
      fill_channels(streams_, width_, 1, b, sums);
      gemm(Use::as_is, Use::transposed, streams_, width_, weights(2).shape()[1], 1, bottom[2]->data(),
           weights(2).data(), 1, sums);
      fill_channels(steps_, streams_ * width_, 1, sums, gates_.data());
    } else if (inputs_engine_) {
      const Parameter& w = weights(0);
      return inputs_engine_->forward(bottom[0]->data(), w.data(), w.version(), b, nullptr, gates_.data());
    } else {
      fill_channels(rows(), width_, 1, b, gates_.data());
    }
    gemm(Use::as_is, Use::transposed, rows(), width_, inputs_, 1, bottom[0]->data(), weights(0).data(), 1,
         gates_.data());
  }

  // cut_ holds k h_prev of all rows, for the gradient of W_h.
  void run(const real* cont, const real* h_0) {
    const Parameter& w = weights(2 + static_);
    const auto cut_next = [&](long row, const real* h) { cut(cells_, cont[row], h, cut_.data() + row * cells_); };
    for (long n = 0; n < streams_ && steps_ > 0; ++n) cut_next(n, h_0 + n * cells_);
    products_.for_sequences(false, w.data(), w.version(), [&](long part, long from, long to) {
      for (long t = 0; t < steps_; ++t) {
        const long first = t * streams_ + from;
        products_.forward(part, to - from, cut_.data() + first * cells_, gates(first));
        parallel_for(to - from, 10 * width_, [&](long begin, long end) {
          for (long row = first + begin; row < first + end; ++row) {
            row_forward(row, cont[row]);
            if (t + 1 < steps_) cut_next(row + streams_, hidden() + row * cells_);
          }
        });
      }
    });
  }

  // dh and dc: the gradients of the last states, which become those of the first.
  void run_back(const real* cont, const real* dy, real* dh, real* dc, real* d_gates) {
    const Parameter& w = weights(2 + static_);
    products_.for_sequences(true, w.data(), w.version(), [&](long part, long from, long to) {
      for (long t = steps_ - 1; t >= 0; --t) step_back(t, part, from, to, cont, dy, dh, dc, d_gates);
    });
  }

  void step_back(long t, long part, long from, long to, const real* cont, const real* dy, real* dh, real* dc,
                 real* d_gates) {
    const long first = t * streams_;
    parallel_for(to - from, 10 * width_, [&](long begin, long end) {
      for (long n = from + begin; n < from + end; ++n) {
        const long row = first + n;
        real* sum = dh + n * cells_;
#pragma omp simd
        for (long k = 0; k < cells_; ++k) sum[k] += dy[row * cells_ + k];
        row_back(row, cont[row], sum, dc + n * cells_, d_gates + row * width_);
      }
    });
    if (t == 0 && !hidden_) return;
    products_.backward(part, to - from, d_gates + (first + from) * width_, dh + from * cells_);
    parallel_for(to - from, cells_, [&](long begin, long end) {
      for (long n = from + begin; n < from + end; ++n) cut(cells_, cont[first + n], dh + n * cells_, dh + n * cells_);
    });
  }

  void input_gradients(const real* d_gates, real* d_static, const PropagateDown& down, const Bottoms& bottom) {
    const auto weight_gradient = [&](EngineInnerProduct* engine, Parameter& w, Parameter* b, long n, const real* dy,
                                     const real* x) {
      real *dw = w.learns() ? w.mutable_diff() : nullptr, *db = b && b->learns() ? b->mutable_diff() : nullptr;
      if (!dw && !db) return;
      const real beta_w = dw ? w.beta() : 0, beta_b = db ? b->beta() : 0;
      if (engine) return engine->backward_weights(x, dy, dw, beta_w, db, beta_b);
      if (db) sum_channels(n, width_, 1, dy, beta_b, db);
      if (dw) gemm(Use::transposed, Use::as_is, width_, w.shape()[1], n, 1, dy, x, beta_w, dw);
    };
    weight_gradient(inputs_engine_.get(), weights(0), &weights(1), rows(), d_gates, bottom[0]->data());
    weight_gradient(states_engine_.get(), weights(2 + static_), nullptr, rows(), d_gates, cut_.data());
    if (down[0]) {
      const real* w = weights(0).data();
      real* dx = bottom[0]->mutable_diff();
      if (inputs_engine_) {
        inputs_engine_->backward_data(d_gates, w, weights(0).version(), dx);
      } else {
        gemm(Use::as_is, Use::as_is, rows(), inputs_, width_, 1, d_gates, w, 0, dx);
      }
    }
    if (!static_) return;
    sum_channels(steps_, streams_ * width_, 1, d_gates, 0, d_static);
    weight_gradient(nullptr, weights(2), nullptr, streams_, d_static, bottom[2]->data());
    if (down[2]) {
      gemm(Use::as_is, Use::as_is, streams_, weights(2).shape()[1], width_, 1, d_static, weights(2).data(), 0,
           bottom[2]->mutable_diff());
    }
  }

  void log_forward() const {
    const long n = streams_ * cells_, in_gates = streams_ * width_;
    for (long t = 0; t < steps_; ++t) {
      CREMA_INFO("    [Forward] Layer {}, step {}: gates {:.6g}, h {:.6g}", name(), t,
                 mean_abs(in_gates, gates_.data() + t * in_gates), mean_abs(n, hidden() + t * n));
    }
  }

  void log_backward(const real* d_gates) const {
    const long in_gates = streams_ * width_;
    for (long t = steps_ - 1; t >= 0; --t) {
      CREMA_INFO("    [Backward] Layer {}, step {}: gates {:.6g}", name(), t,
                 mean_abs(in_gates, d_gates + t * in_gates));
    }
  }

  RecurrentParameter config_;
  int states_;
  long cells_, width_;
  bool projects_;
  int hidden_, static_;  // states that are bottoms and tops; 1 if there is an s
  long steps_ = 0, streams_ = 0, inputs_ = 0;
  Buffer gates_, cut_, static_gates_;
  StepProducts products_;
  InnerProductProblem inputs_problem_;
  std::unique_ptr<EngineInnerProduct> inputs_engine_, states_engine_;  // of all steps at once: W_x, W_h
  CarriedState carried_;                                               // h, or h and c
};

class Lstm final : public Recurrent {
 public:
  explicit Lstm(const LayerParameter& config) : Recurrent(config, 2, 4, false) {}

  void reshape(const Bottoms& bottom, const Tops& top) override {
    Recurrent::reshape(bottom, top);
    c_.grow(Shape{rows() + streams(), cells()}.count());
  }

  OwnMemory own_memory(bool backward) const override {
    OwnMemory own = Recurrent::own_memory(backward);
    own.kept += c_.size() * static_cast<long>(sizeof(real));
    return own;
  }

 protected:
  void begin(const Tops& top, const real* c) override {
    h_ = top[0]->mutable_data();
    copy_elements(streams() * cells(), c, c_.data());
  }
  void finish(const Tops&) override {}

  void row_forward(long row, real cont) override {
    lstm_row(cells(), cont, c_before(row), gates(row), gates(row), c_after(row), h_ + row * cells());
  }

  void row_back(long row, real cont, const real* dh, real* dc, real* dx) override {
    lstm_row_gradient(cells(), cont, c_before(row), gates(row), c_after(row), dh, dc, dx, dc);
  }

  const real* hidden() const override { return h_; }
  const real* state(int s) const override {
    return s == 0 ? h_ + (rows() - streams()) * cells() : c_.data() + rows() * cells();
  }
  const real* output_gradient(const Tops& top, real*, real*) override { return top[0]->diff(); }

 private:
  real* c_before(long row) { return c_.data() + row * cells(); }
  real* c_after(long row) { return c_before(row + streams()); }

  real* h_ = nullptr;  // top 0, in forward
  Buffer c_;           // c of the step before the first one, then of all steps
};

// The gates of an RNN are tanh of the sums, which is h itself.
class Rnn final : public Recurrent {
 public:
  explicit Rnn(const LayerParameter& config) : Recurrent(config, 1, 1, true) {}

  Contract contract() const override { return Recurrent::contract().reads_top_data(); }

 protected:
  void begin(const Tops&, const real*) override {}

  void row_forward(long row, real) override {
    real* h = gates(row);
#pragma omp simd
    for (long k = 0; k < cells(); ++k) h[k] = simd_tanh(h[k]);
  }

  void row_back(long row, real, const real* dh, real*, real* dx) override {
    const real* h = gates(row);
#pragma omp simd
    for (long k = 0; k < cells(); ++k) dx[k] = dh[k] * (1 - h[k] * h[k]);
  }

  void finish(const Tops& top) override {
    real* y = top[0]->mutable_data();
    fill_channels(rows(), cells(), 1, projection(1).data(), y);
    gemm(Use::as_is, Use::transposed, rows(), cells(), cells(), 1, hidden(), projection(0).data(), 1, y);
    parallel_for(rows(), 12 * cells(), [&](long begin, long end) {
      for (long row = begin; row < end; ++row) {
#pragma omp simd
        for (long k = row * cells(); k < (row + 1) * cells(); ++k) y[k] = simd_tanh(y[k]);
      }
    });
  }

  const real* hidden() const override { return gates(0); }
  const real* state(int) const override { return hidden() + (rows() - streams()) * cells(); }

  const real* output_gradient(const Tops& top, real* d_gates, real* room) override {
    const real *y = top[0]->data(), *dy = top[0]->diff();
    for_elements(rows() * cells(), 2, [=](long i) { room[i] = dy[i] * (1 - y[i] * y[i]); });
    Parameter &w = projection(0), &b = projection(1);
    if (w.learns()) {
      gemm(Use::transposed, Use::as_is, cells(), cells(), rows(), 1, room, hidden(), w.beta(), w.mutable_diff());
    }
    if (b.learns()) sum_channels(rows(), cells(), 1, room, b.beta(), b.mutable_diff());
    gemm(Use::as_is, Use::as_is, rows(), cells(), cells(), 1, room, w.data(), 0, d_gates);
    return d_gates;
  }
};

const RegisterLayer<Lstm> registered_lstm("LSTM", "recurrent_param");
const RegisterLayer<Rnn> registered_rnn("RNN", "recurrent_param");

}  // namespace
}  // namespace crema

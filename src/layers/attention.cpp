// Attention:  y = [z_1 ... z_H] W_o' + b_o,  z_i = softmax(q_i k_i' / sqrt(d)) v_i;  each of H = num_heads heads has
//   d = E / H numbers of  q = x W_q' + b_q,  k = m W_k' + b_k  and  v = u W_v' + b_v.
// bottom[0] x: (N, T, E).  bottom[1], optional: m (N, S, M), else m = x.  bottom[2], optional: u (N, S, U), else u = m.
// top[0] y: (N, T, E).  causal: place t sees places 0 to t alone, S = T.  dropout_ratio: in TRAIN the softmax's numbers
// are dropped as by Dropout.  Parameters, those of PyTorch's MultiheadAttention: W_q, W_k, W_v as one (3 E, E), or each
// its own where M or U is not E; b_q, b_k, b_v (3 E); W_o (E, E); b_o (E).  Rejects a num_heads that does not divide E.
// Vaswani et al., 2017, arXiv:1706.03762.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/parallel.h"
#include "core/filler.h"
#include "core/layer.h"
#include "math/blas.h"
#include "math/drop.h"
#include "math/softmax.h"

namespace crema {
namespace {

constexpr long kBlock = 64;  // queries that are computed at once, so that their weights stay in the second-level cache

class Attention final : public Layer {
 public:
  explicit Attention(const LayerParameter& config)
      : config_(config.attention_param()), heads_(config_.num_heads()), ratio_(config_.dropout_ratio()) {
    check(heads_ > 0, "num_heads is {}; it must be positive", heads_);
    check(ratio_ >= 0 && ratio_ < 1, "dropout_ratio is {}; it must be at least 0 and below 1", ratio_);
    check_filler(config_.weight_filler());
    check_filler(config_.bias_filler());
  }

  Contract contract() const override { return Contract().bottoms(1, 3).reads_bottom_data({0, 1, 2}); }

  double multiply_adds(const Bottoms&, const Tops&) const override {
    double sum = 2.0 * static_cast<double>(records_ * queries_) * static_cast<double>(keys_ * width_);
    for (const Projection& z : projections_) sum += static_cast<double>(z.rows * z.inputs * width_);
    return sum + static_cast<double>(records_ * queries_ * width_ * width_);
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    check_shapes(bottom);
    const Shape& x = bottom[0]->shape();
    records_ = x[0];
    queries_ = x[1];
    keys_ = bottom.back()->dim(1);
    width_ = x[2];
    together_ = true;
    for (int i = 0; i < 3; ++i) {
      Projection& z = projections_[i];
      z.bottom = std::min(i, static_cast<int>(bottom.size()) - 1);
      z.rows = bottom[z.bottom]->shape().count(0, 2);
      z.inputs = bottom[z.bottom]->dim(2);
      z.y.grow(Shape{z.rows, width_}.count());
      together_ = together_ && z.inputs == width_;
    }
    declare_parameters();
    weights_.grow(Shape{records_, heads_, queries_, keys_}.count());
    mean_.grow(x.count());
    top[0]->reshape(x);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    for (int i = 0; i < 3; ++i) {
      Projection& z = projections_[i];
      const real* b = config_.bias_term() ? bias().data() + i * width_ : nullptr;
      project(z.rows, z.inputs, bottom[z.bottom]->data(), weight(i).data() + offset(i), b, z.y.data());
    }
    const Random numbers = random("dropout");
    const long room = dropping() ? kBlock * keys_ : 0, blocks = (queries_ + kBlock - 1) / kBlock;
    if (keys_ == 0) mean_.fill(0);  // with no keys the mean is over nothing
    side_by_side(keys_ == 0 ? 0 : records_ * heads_ * blocks, kBlock, room, scratch(slots() * room),
                 [&](long i, real* dropped) { attend(i / blocks, i % blocks * kBlock, numbers, dropped); });
    const real* b = config_.bias_term() ? parameters().back().data() : nullptr;
    project(records_ * queries_, width_, mean_.data(), output_weight().data(), b, top[0]->mutable_data());
  }

  // Forward keeps the probabilities: reading them is faster than computing them again, by a product of the same size
  // and an exp for each.
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const long rows = records_ * queries_, of_queries = rows * width_, of_keys = records_ * keys_ * width_;
    const long room = 2 * kBlock * keys_;
    const real* dy = top[0]->diff();
    real* d_mean = scratch(2 * of_queries + 2 * of_keys + slots() * room);
    real *dq = d_mean + of_queries, *dk = dq + of_queries, *dv = dk + of_keys;
    Parameter& w = output_weight();
    if (w.learns()) weight_gradient(rows, width_, dy, mean_.data(), w.beta(), w.mutable_diff());
    if (config_.bias_term() && parameters().back().learns()) {
      Parameter& b = parameters().back();
      sum_channels(rows, width_, 1, dy, b.beta(), b.mutable_diff());
    }
    gemm(Use::as_is, Use::as_is, rows, width_, width_, 1, dy, w.data(), 0, d_mean);
    const Random numbers = random("dropout");
    if (keys_ == 0) std::fill_n(dq, of_queries, real{0});
    side_by_side(keys_ == 0 ? 0 : records_ * heads_, queries_, room, dv + of_keys, [&](long head, real* work) {
      attend_back(head, numbers, d_mean, {dq, dk, dv}, work);
    });
    input_gradients({dq, dk, dv}, down, bottom);
  }

 private:
  // q, k or v.
  struct Projection {
    int bottom = 0;
    long rows = 0, inputs = 0;
    Buffer y;
  };

  void check_shapes(const Bottoms& bottom) const {
    const Shape &x = bottom[0]->shape(), &last = bottom.back()->shape();
    for (size_t i = 0; i < bottom.size(); ++i) {
      const Shape& shape = bottom[i]->shape();
      check(shape.axes() == 3, "bottom {} has shape {}; expected 3 axes: records, places, width", i, shape.str());
    }
    for (size_t i = 0; i < bottom.size(); ++i) {
      const Shape& shape = bottom[i]->shape();
      check(shape[0] == x[0], "bottom {} ({}) has {} records, bottom 0 has {}", i, shape.str(), shape[0], x[0]);
      check(i == 0 || shape[1] == last[1], "bottom {} ({}) has {} places for keys, bottom {} has {} values", i,
            shape.str(), shape[1], bottom.size() - 1, last[1]);
    }
    check(x[2] % heads_ == 0, "num_heads is {}; it must divide the width of bottom 0 ({})", heads_, x.str());
    check(!config_.causal() || x[1] == last[1], "causal goes with as many keys as queries; there are {} and {}",
          last[1], x[1]);
  }

  void declare_parameters() {
    const FillerParameter &weight = config_.weight_filler(), &bias = config_.bias_filler();
    int index = 0;
    if (together_) {
      declare_parameter(index++, {3 * width_, width_}, weight);
    } else {
      for (const Projection& z : projections_) declare_parameter(index++, {width_, z.inputs}, weight);
    }
    if (config_.bias_term()) declare_parameter(index++, {3 * width_}, bias);
    declare_parameter(index++, {width_, width_}, weight);
    if (config_.bias_term()) declare_parameter(index++, {width_}, bias);
  }

  Parameter& weight(int i) { return parameters()[together_ ? 0 : i]; }
  long offset(int i) const { return together_ ? i * width_ * width_ : 0; }
  Parameter& bias() { return parameters()[together_ ? 1 : 3]; }
  Parameter& output_weight() { return parameters()[(together_ ? 1 : 3) + (config_.bias_term() ? 1 : 0)]; }

  bool dropping() const { return ratio_ > 0 && phase() == TRAIN; }
  static long slots() { return omp_get_max_threads(); }

  // y = x W' + b.
  void project(long rows, long inputs, const real* x, const real* w, const real* b, real* y) const {
    if (b != nullptr) fill_channels(rows, width_, 1, b, y);
    gemm(Use::as_is, Use::transposed, rows, width_, inputs, 1, x, w, b != nullptr ? 1 : 0, y);
  }

  void weight_gradient(long rows, long inputs, const real* dy, const real* x, real beta, real* dw) const {
    gemm(Use::transposed, Use::as_is, width_, inputs, rows, 1, dy, x, beta, dw);
  }

  // Of q, k and v.
  void input_gradients(const std::array<real*, 3>& d, const PropagateDown& down, const Bottoms& bottom) {
    real beta = 0;
    for (int i = 0; i < 3; ++i) {
      const Projection& z = projections_[i];
      Parameter& w = weight(i);
      const real* x = bottom[z.bottom]->data();
      if (w.learns()) {
        if (i == 0 || !together_) beta = w.beta();
        weight_gradient(z.rows, z.inputs, d[i], x, beta, w.mutable_diff() + offset(i));
      }
      if (!down[z.bottom]) continue;
      const bool first = i == 0 || projections_[i - 1].bottom != z.bottom;
      gemm(Use::as_is, Use::as_is, z.rows, z.inputs, width_, 1, d[i], w.data() + offset(i), first ? 0 : 1,
           bottom[z.bottom]->mutable_diff());
    }
    if (!config_.bias_term() || !bias().learns()) return;
    beta = bias().beta();
    for (int i = 0; i < 3; ++i) {
      sum_channels(projections_[i].rows, width_, 1, d[i], beta, bias().mutable_diff() + i * width_);
    }
  }

  // Calls body(i, work) for each i < n; one call handles `queries` queries of one head. Calls run side by side on all
  // cores or, if they are large and fewer than cores, one after the other, with each product on all cores. `room`:
  // numbers of work memory for one call; `work` has enough for slots() calls.
  template <typename Body>
  void side_by_side(long n, long queries, long room, real* work, const Body& body) const {
    const long cost = queries * keys_ * (5 + depth() / 4);
    if (n < slots() && cost > 16 * kParallelGrain) {
      for (long i = 0; i < n; ++i) body(i, work);
      return;
    }
    const long parts = std::min(n, slots());
    parallel_for(parts, parts == 0 ? 0 : n / parts * cost, [&](long begin, long end) {
      for (long part = begin; part < end; ++part) {
        for (long i = n * part / parts; i < n * (part + 1) / parts; ++i) body(i, work + part * room);
      }
    });
  }

  long depth() const { return width_ / heads_; }
  real scale() const { return 1 / std::sqrt(static_cast<real>(std::max(1L, depth()))); }
  // The position at which a head's numbers begin in an array of queries, or of keys.
  long in_queries(long head) const { return head / heads_ * queries_ * width_ + head % heads_ * depth(); }
  long in_keys(long head) const { return head / heads_ * keys_ * width_ + head % heads_ * depth(); }
  // The number of keys that a query sees.
  long seen(long query) const { return config_.causal() ? query + 1 : keys_; }
  real* weights(long head, long query) { return weights_.data() + (head * queries_ + query) * keys_; }

  // Computes up to kBlock queries of one head, from `first` on.
  void attend(long head, long first, const Random& numbers, real* dropped) {
    const real *q = projections_[0].y.data() + in_queries(head), *k = projections_[1].y.data() + in_keys(head);
    const real* v = projections_[2].y.data() + in_keys(head);
    const long n = std::min(kBlock, queries_ - first), keys = seen(first + n - 1);
    real* p = weights(head, first);
    gemm(Use::as_is, Use::transposed, n, keys, depth(), scale(), q + first * width_, width_, k, width_, 0, p, keys_);
    for (long r = 0; r < n; ++r) {
      softmax_row(seen(first + r), p + r * keys_, p + r * keys_);
      std::fill(p + r * keys_ + seen(first + r), p + r * keys_ + keys, real{0});
    }
    const real* a = drop(head, first, n, keys, numbers, dropped);
    gemm(Use::as_is, Use::as_is, n, depth(), keys, 1, a, keys_, v, width_, 0,
         mean_.data() + in_queries(head) + first * width_, width_);
  }

  void attend_back(long head, const Random& numbers, const real* d_mean, const std::array<real*, 3>& d, real* work) {
    const real *q = projections_[0].y.data() + in_queries(head), *k = projections_[1].y.data() + in_keys(head);
    const real *v = projections_[2].y.data() + in_keys(head), *dm = d_mean + in_queries(head);
    real *dq = d[0] + in_queries(head), *dk = d[1] + in_keys(head), *dv = d[2] + in_keys(head);
    real* ds = work + kBlock * keys_;
    for (long s = 0; s < keys_; ++s) {
      std::fill_n(dk + s * width_, depth(), real{0});
      std::fill_n(dv + s * width_, depth(), real{0});
    }
    for (long first = 0; first < queries_; first += kBlock) {
      const long n = std::min(kBlock, queries_ - first), keys = seen(first + n - 1), at = first * width_;
      const real *p = weights(head, first), *a = drop(head, first, n, keys, numbers, work);
      gemm(Use::transposed, Use::as_is, keys, depth(), n, 1, a, keys_, dm + at, width_, 1, dv, width_);
      gemm(Use::as_is, Use::transposed, n, keys, depth(), 1, dm + at, width_, v, width_, 0, ds, keys_);
      for (long r = 0; r < n * keys_; r += keys_) softmax_row_gradient(keys, p + r, a + r, ds + r, ds + r);
      gemm(Use::as_is, Use::as_is, n, depth(), keys, scale(), ds, keys_, k, width_, 0, dq + at, width_);
      gemm(Use::transposed, Use::as_is, keys, depth(), n, scale(), ds, keys_, q + at, width_, 1, dk, width_);
    }
  }

  // The weights of n queries, from `first` on, as they are used: forward's weights or, with dropout, these with some
  // dropped, which are written to `to`. Drawing the random numbers again in backward is cheaper than keeping them. The
  // numbers of each query begin with a new block of the generator.
  const real* drop(long head, long first, long n, long keys, const Random& numbers, real* to) {
    const real* p = weights(head, first);
    if (!dropping()) return p;
    const Drop drop_row(numbers, ratio_);
    const long numbers_of_row = (keys_ + 3) / 4 * 4;
    for (long r = 0; r < n; ++r) {
      drop_row((head * queries_ + first + r) * numbers_of_row, keys, p + r * keys_, to + r * keys_);
    }
    return to;
  }

  AttentionParameter config_;
  long heads_;
  float ratio_;
  long records_ = 0, queries_ = 0, keys_ = 0, width_ = 0;
  bool together_ = true;                   // whether the weights of q, k and v are one parameter
  std::array<Projection, 3> projections_;  // q, k and v
  Buffer weights_;                         // (N, heads, T, S): the softmax of each query's scores
  Buffer mean_;                            // (N, T, E): the heads' results
};

const RegisterLayer<Attention> registered("Attention", "attention_param");

}  // namespace
}  // namespace crema

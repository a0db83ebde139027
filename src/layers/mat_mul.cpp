// MatMul:  y = A B  for the matrices in the last two axes.
// bottom[0]: A (..., M, K), or A' (..., K, M) with transpose_a.  bottom[1]: B (..., K, N), or B' (..., N, K) with
// transpose_b.  top[0] y: (..., M, N).  The axes before these count the matrices: they are the same in both bottoms, or
// one bottom has none and its matrix goes with each of the other's.  No parameters.  Rejects other shapes.
#include <algorithm>

#include "core/layer.h"
#include "math/blas.h"
#include "math/products.h"

namespace crema {
namespace {

Use transposed_if(bool transposed) { return transposed ? Use::transposed : Use::as_is; }

class MatMul final : public Layer {
 public:
  explicit MatMul(const LayerParameter& config)
      : transpose_a_(config.matmul_param().transpose_a()), transpose_b_(config.matmul_param().transpose_b()) {}

  Contract contract() const override { return Contract().bottoms(2).reads_bottom_data({0, 1}); }

  double multiply_adds(const Bottoms&, const Tops&) const override { return static_cast<double>(batch_) * one(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape &a = bottom[0]->shape(), &b = bottom[1]->shape();
    check(a.axes() >= 2 && b.axes() >= 2, "the bottoms have shapes {} and {}; a matrix has 2 axes or more", a.str(),
          b.str());
    const auto leading = [](const Shape& shape) {
      return std::vector<long>(shape.dims().begin(), shape.dims().end() - 2);
    };
    std::vector<long> dims = a.axes() > 2 ? leading(a) : leading(b);
    check(a.axes() == 2 || b.axes() == 2 || leading(a) == leading(b),
          "bottom 0 ({}) and bottom 1 ({}) do not have the same axes before their matrices", a.str(), b.str());
    m_ = a[a.axes() - (transpose_a_ ? 1 : 2)];
    k_ = a[a.axes() - (transpose_a_ ? 2 : 1)];
    n_ = b[b.axes() - (transpose_b_ ? 2 : 1)];
    const long k = b[b.axes() - (transpose_b_ ? 1 : 2)];
    check(k == k_, "matrices of {}x{} and {}x{} have no product (bottom 0: {}, bottom 1: {})", m_, k_, k, n_, a.str(),
          b.str());
    dims.insert(dims.end(), {m_, n_});
    top[0]->reshape(Shape(dims));
    batch_ = Shape(dims).count(0, static_cast<int>(dims.size()) - 2);
    step_a_ = a.axes() == 2 ? 0 : m_ * k_;
    step_b_ = b.axes() == 2 ? 0 : k_ * n_;
    if (b.axes() > 2 || transpose_a_) return;
    m_ *= batch_;  // the rows of all matrices A times one B are a single product
    batch_ = 1;
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real *a = bottom[0]->data(), *b = bottom[1]->data();
    real* y = top[0]->mutable_data();
    for_products(batch_, one(), [&](long i) {
      gemm(transposed_if(transpose_a_), transposed_if(transpose_b_), m_, n_, k_, 1, a + i * step_a_, b + i * step_b_, 0,
           y + i * m_ * n_);
    });
  }

  // dA = dy B',  dB = A' dy;  the transposed ones are  B dy'  and  dy' A.
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real *a = bottom[0]->data(), *b = bottom[1]->data(), *dy = top[0]->diff();
    if (down[0]) {
      each_gradient(step_a_, m_ * k_, bottom[0]->mutable_diff(), [&](long i, real beta, real* da) {
        const real *w = b + i * step_b_, *d = dy + i * m_ * n_;
        if (transpose_a_) return gemm(transposed_if(transpose_b_), Use::transposed, k_, m_, n_, 1, w, d, beta, da);
        gemm(Use::as_is, transposed_if(!transpose_b_), m_, k_, n_, 1, d, w, beta, da);
      });
    }
    if (down[1]) {
      each_gradient(step_b_, k_ * n_, bottom[1]->mutable_diff(), [&](long i, real beta, real* db) {
        const real *x = a + i * step_a_, *d = dy + i * m_ * n_;
        if (transpose_b_) return gemm(Use::transposed, transposed_if(transpose_a_), n_, k_, m_, 1, d, x, beta, db);
        gemm(transposed_if(!transpose_a_), Use::as_is, k_, n_, m_, 1, x, d, beta, db);
      });
    }
  }

 private:
  double one() const { return static_cast<double>(m_) * static_cast<double>(k_) * static_cast<double>(n_); }

  // Calls f(i, beta, dx of matrix i). A matrix that is multiplied with all others gets the sum of their gradients.
  template <typename F>
  void each_gradient(long step, long count, real* dx, const F& f) const {
    if (step > 0 || batch_ == 1) return for_products(batch_, one(), [&](long i) { f(i, 0, dx + i * step); });
    if (batch_ == 0) std::fill_n(dx, count, real{0});
    for (long i = 0; i < batch_; ++i) f(i, i == 0 ? 0 : 1, dx);
  }

  bool transpose_a_, transpose_b_;
  long batch_ = 0, m_ = 0, k_ = 0, n_ = 0;
  long step_a_ = 0, step_b_ = 0;  // from matrix to matrix; 0: there is only one
};

const RegisterLayer<MatMul> registered("MatMul", "matmul_param");

}  // namespace
}  // namespace crema

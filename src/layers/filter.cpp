// Filter:  y_k = the records i of x_k, in their order, for which s[i] is not 0.
// bottom[k] x_k, for all but the last: (N, ...), each of its own shape.  Last bottom s: (N), or with further axes of
// size 1; takes no gradient.  top[k] y_k: (M, ...), M of the N records, known only after forward; M may be 0.
// No parameters.  A record that is left out has the gradient 0.  Rejects bottoms of different N.
#include <algorithm>

#include "base/parallel.h"
#include "core/layer.h"

namespace crema {
namespace {

constexpr int kMaxBottoms = 64;  // that a contract can distinguish

class Filter final : public Layer {
 public:
  explicit Filter(const LayerParameter& config) : selector_(config.bottom_size() - 1) {
    check(selector_ < kMaxBottoms, "{} bottoms; at most {}", selector_ + 1, kMaxBottoms);
  }

  Contract contract() const override {
    Contract contract;
    contract.bottoms(2, Contract::kAny).tops(1, Contract::kAny).sized_in_forward();
    return selector_ < 0 ? contract : contract.no_gradient_to({selector_});
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    check(top.size() + 1 == bottom.size(), "{} tops for {} bottoms; there is one for each bottom but the last, {}",
          top.size(), bottom.size(), bottom.size() - 1);
    const Shape& s = bottom.back()->shape();
    check(s.axes() > 0 && s.count_from(1) == 1, "the last bottom ({}) must be one number a record", s.str());
    for (size_t k = 0; k < top.size(); ++k) {
      const Shape& x = bottom[k]->shape();
      check(x.axes() > 0 && x[0] == s[0], "bottom {} ({}) must have as many records (axis 0) as the last bottom ({})",
            k, x.str(), s.str());
      top[k]->reshape(x);
    }
    rows_.resize(s[0]);
    chosen_ = 0;
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* s = bottom.back()->data();
    chosen_ = 0;
    for (long row = 0; row < bottom.back()->dim(0); ++row) {
      if (s[row] != 0) rows_[chosen_++] = row;
    }
    for (size_t k = 0; k < top.size(); ++k) {
      shrink(bottom[k]->shape(), top[k]);
      const long length = bottom[k]->shape().count_from(1);
      const real* x = bottom[k]->data();
      real* y = top[k]->mutable_data();
      parallel_for(chosen_, length, [&](long begin, long end) {
        for (long i = begin; i < end; ++i) std::copy_n(x + rows_[i] * length, length, y + i * length);
      });
    }
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    for (size_t k = 0; k < top.size(); ++k) {
      if (!down[k]) continue;
      const long length = bottom[k]->shape().count_from(1);
      const real* dy = top[k]->diff();
      real* dx = bottom[k]->mutable_diff();
      parallel_for(bottom[k]->dim(0), length, [&](long begin, long end) {
        long i = std::lower_bound(rows_.data(), rows_.data() + chosen_, begin) - rows_.data();
        for (long row = begin; row < end; ++row) {
          if (i < chosen_ && rows_[i] == row) {
            std::copy_n(dy + i++ * length, length, dx + row * length);
          } else {
            std::fill_n(dx + row * length, length, real{0});
          }
        }
      });
    }
  }

 private:
  // The top gets the size that the pass needs, within the memory of the largest size.
  void shrink(const Shape& x, Blob* top) {
    if (top->dim(0) == chosen_) return;
    real *data = top->mutable_data(), *diff = top->mutable_diff();
    std::vector<long> dims = x.dims();
    dims[0] = chosen_;
    top->reshape(Shape(std::move(dims)));
    top->bind(data, diff);
  }

  int selector_;         // index of the last bottom
  BufferOf<long> rows_;  // the first chosen_: the records that were chosen in the last forward pass
  long chosen_ = 0;
};

const RegisterLayer<Filter> registered("Filter");

}  // namespace
}  // namespace crema

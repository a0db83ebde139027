// Eltwise:  y = sum_k coeff_k x_k  (SUM),  prod_k x_k  (PROD),  max_k x_k  (MAX), element by element.
// bottom[k] x_k: two or more of one shape.  top[0] y: that shape.  No parameters.  PROD takes no coeff, MAX ignores it.
// MAX sends the gradient to the bottom that was largest; of equal ones to the first, except that of bottoms 0 and 1 it
// goes to 1 (as in Caffe).
#include <algorithm>
#include <cstdint>

#include "core/layer.h"
#include "math/checked_engine.h"
#include "math/loops.h"

namespace crema {
namespace {

constexpr long kBlock = 512;  // elements that pass through all bottoms at once, within the first-level cache

class Eltwise final : public Layer {
 public:
  explicit Eltwise(const LayerParameter& config)
      : operation_(config.eltwise_param().operation()),
        given_coeff_(config.eltwise_param().coeff().begin(), config.eltwise_param().coeff().end()),
        stable_(config.eltwise_param().stable_prod_grad()),
        bottoms_(config.bottom_size()) {
    check(given_coeff_.empty() || operation_ != EltwiseParameter::PROD, "operation PROD takes no coeff");
  }

  // Bottom 0 may share its memory with the top: forward has read every bottom's block before it writes the top's, and
  // backward writes the diff of bottom 0 last.
  Contract contract() const override {
    Contract contract;
    contract.bottoms(2, Contract::kAny);
    if (operation_ != EltwiseParameter::PROD) {
      if (bent_) contract.reads_top_data();
      return contract.in_place();
    }
    contract.reads_bottom_data(Indices::all());
    return stable_ ? contract : contract.reads_top_data();
  }

  // Absorbs a rectifier if its result still shows whether the sum was above 0.
  Absorbed absorb(Layer& next, const Bottoms&) override {
    const Epilogue e = next.epilogue();
    if (operation_ != EltwiseParameter::SUM || bent_ || e.kind != Epilogue::relu || e.slope < 0) {
      return Absorbed::nothing;
    }
    bent_ = true;
    slope_ = e.slope;
    return Absorbed::all;
  }

  Epilogue epilogue() override {
    const bool plain_sum = operation_ == EltwiseParameter::SUM && !bent_ && bottoms_ == 2 &&
                           std::all_of(given_coeff_.begin(), given_coeff_.end(), [](real c) { return c == 1; });
    return {.kind = plain_sum ? Epilogue::add : Epilogue::none};
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Blob& first = *bottom[0];
    check(given_coeff_.empty() || given_coeff_.size() == bottom.size(), "{} coeff for {} bottoms; each takes one",
          given_coeff_.size(), bottom.size());
    for (size_t k = 1; k < bottom.size(); ++k) {
      check(bottom[k]->shape() == first.shape(), "bottom {} has shape {}, bottom 0 has {}; they must be the same", k,
            bottom[k]->shape().str(), first.shape().str());
    }
    // Padding stays zero, except with PROD without stable_prod_grad, whose gradient divides and would make it NaN.
    const bool divides = operation_ == EltwiseParameter::PROD && !stable_;
    const Layout layout = divides && first.storage() != first.count() ? Layout::plain : first.layout();
    for (size_t k = 0; k < bottom.size(); ++k) takes(static_cast<int>(k), layout);
    top[0]->reshape(first.shape(), layout);
    prepare(top[0]->storage(), bottom.size());
  }

  OwnMemory own_memory(bool) const override { return {winner_.size() * static_cast<long>(sizeof(int32_t)), 0}; }

  void forward(const Bottoms& bottom, const Tops& top) override {
    for (size_t k = 0; k < bottom.size(); ++k) x_[k] = bottom[k]->data();
    real* y = top[0]->mutable_data();
    // The engine adds up in y, so y must not share memory with a later bottom. It does if bottom 0 and a later bottom
    // are the same value.
    const bool overwrites = std::find(x_.begin() + 1, x_.end(), y) != x_.end();
    if (engine_ && !overwrites) return engine_->run(x_, y);
    if (bent_ && x_.size() == 2) return rectify_sum(y);
    for_blocks([&](long first, long n) {
      real block[kBlock];
      for (size_t k = 0; k < x_.size(); ++k) combine(k, first, n, block);
      if (bent_) rectify(n, block);
      std::copy_n(block, n, y + first);
    });
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    for (size_t k = 0; k < bottom.size(); ++k) x_[k] = bottom[k]->data();
    const real *y = top[0]->data(), *dy = top[0]->diff();
    for_blocks([&](long first, long n) {
      for (size_t k = bottom.size(); k-- > 0;) {
        if (down[k]) gradient(k, first, n, y, dy + first, bottom[k]->mutable_diff() + first);
      }
    });
  }

  std::string implementation() const override { return engine_ ? engine_->implementation() : "plain"; }

 private:
  void prepare(long count, size_t bottoms) {
    if (count == count_ && bottoms == x_.size()) return;
    count_ = -1;
    coeff_ = given_coeff_.empty() ? std::vector<real>(bottoms, 1) : given_coeff_;
    x_.assign(bottoms, nullptr);
    const bool sum = operation_ == EltwiseParameter::SUM;
    engine_ = sum && !bent_ && use_engine() ? checked_sum(count, coeff_) : nullptr;
    if (operation_ == EltwiseParameter::MAX) winner_.resize(count);
    count_ = count;
  }

  // y = max(a x_0 + b x_1, 0), the usual case, computed without an intermediate block.
  void rectify_sum(real* y) const {
    const auto body = [=, a = coeff_[0], b = coeff_[1], x = x_[0], z = x_[1], slope = slope_](long i) {
      const real t = a * x[i] + b * z[i];
      y[i] = t > 0 ? t : slope * t;
    };
    for_elements(count_, 2, body);
  }

  void rectify(long n, real* y) const {
    for (long i = 0; i < n; ++i) y[i] = y[i] > 0 ? y[i] : slope_ * y[i];
  }

  // Calls body(first element, number of elements).
  template <typename Body>
  void for_blocks(const Body& body) const {
    parallel_for(count_, static_cast<long>(x_.size()), [&](long begin, long end) {
      for (long first = begin; first < end; first += kBlock) body(first, std::min(kBlock, end - first));
    });
  }

  // Combines bottom k with the block, which holds the result of the bottoms before it.
  void combine(size_t k, long first, long n, real* block) {
    const real *x = x_[k] + first, coeff = coeff_[k];
    switch (operation_) {
      case EltwiseParameter::SUM:
        if (k == 0) std::fill_n(block, n, real{0});
        for (long i = 0; i < n; ++i) block[i] += coeff * x[i];
        break;
      case EltwiseParameter::PROD:
        if (k == 0) std::fill_n(block, n, real{1});
        for (long i = 0; i < n; ++i) block[i] *= x[i];
        break;
      case EltwiseParameter::MAX:
        larger(static_cast<int32_t>(k), x, n, block, winner_.data() + first);
        break;
    }
  }

  static void larger(int32_t k, const real* x, long n, real* block, int32_t* winner) {
    if (k == 0) {
      std::copy_n(x, n, block);
      std::fill_n(winner, n, 0);
      return;
    }
    // Caffe decides between bottoms 0 and 1 by x_0 > x_1, and takes a later one only if it is larger.
    for (long i = 0; i < n; ++i) {
      const bool more = k == 1 ? !(block[i] > x[i]) : x[i] > block[i];
      block[i] = more ? x[i] : block[i];
      winner[i] = more ? k : winner[i];
    }
  }

  // dx, of bottom k, for n elements from `first` on; dy and dx point at the first of them.
  void gradient(size_t k, long first, long n, const real* y, const real* dy, real* dx) const {
    switch (operation_) {
      case EltwiseParameter::SUM:
        if (bent_) {
          scale_bent(coeff_[k], y + first, dy, n, dx);
          break;
        }
        if (dx != dy || coeff_[k] != 1) scale(coeff_[k], dy, n, dx);
        break;
      case EltwiseParameter::PROD:
        if (stable_) {
          multiply_others(k, first, dy, n, dx);
        } else {
          const real *x = x_[k] + first, *product = y + first;
          for (long i = 0; i < n; ++i) dx[i] = product[i] / x[i] * dy[i];
        }
        break;
      case EltwiseParameter::MAX:
        keep_won(static_cast<int32_t>(k), winner_.data() + first, dy, n, dx);
        break;
    }
  }

  static void scale(real coeff, const real* dy, long n, real* dx) {
    for (long i = 0; i < n; ++i) dx[i] = coeff * dy[i];
  }

  void scale_bent(real coeff, const real* y, const real* dy, long n, real* dx) const {
    const real below = coeff * slope_;
    for (long i = 0; i < n; ++i) dx[i] = y[i] > 0 ? coeff * dy[i] : below * dy[i];
  }

  void multiply_others(size_t k, long first, const real* dy, long n, real* dx) const {
    std::copy_n(dy, n, dx);
    for (size_t other = 0; other < x_.size(); ++other) {
      if (other == k) continue;
      const real* x = x_[other] + first;
      for (long i = 0; i < n; ++i) dx[i] *= x[i];
    }
  }

  static void keep_won(int32_t k, const int32_t* winner, const real* dy, long n, real* dx) {
    for (long i = 0; i < n; ++i) dx[i] = winner[i] == k ? dy[i] : 0;
  }

  EltwiseParameter::EltwiseOp operation_;
  std::vector<real> given_coeff_, coeff_;
  bool stable_;
  int bottoms_;
  bool bent_ = false;  // whether a rectifier was absorbed
  real slope_ = 0;
  long count_ = -1;             // the number of elements that the members below were made for
  std::vector<const real*> x_;  // the bottoms' data, of this pass
  BufferOf<int32_t> winner_;    // MAX: which bottom was the largest
  std::unique_ptr<EngineCombine> engine_;
};

const RegisterLayer<Eltwise> registered("Eltwise", "eltwise_param");

}  // namespace
}  // namespace crema

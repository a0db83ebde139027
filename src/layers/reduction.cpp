// Reduction:  y = coeff * sum_i x_i  (SUM),  |x_i|  (ASUM),  x_i^2  (SUMSQ),  or the mean of x_i  (MEAN).
// bottom[0] x: the axes from reduction_param.axis on (negative: from the end) are reduced.  top[0] y: the axes before
// it; a scalar where there are none.  No parameters.  The derivative of |x| at 0 is 0; a mean of nothing is 0.
#include <cmath>

#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

constexpr long kManyRows = 64;  // with at least so many rows, each thread takes some rows; with fewer, threads share
                                // each row's elements

class Reduction final : public Layer {
 public:
  explicit Reduction(const LayerParameter& config) : config_(config.reduction_param()) {}

  Contract contract() const override {
    const auto operation = config_.operation();
    const bool reads = operation == ReductionParameter::ASUM || operation == ReductionParameter::SUMSQ;
    return reads ? Contract().reads_bottom_data() : Contract();
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    const int axis = x.canonical(config_.axis(), "reduction_param.axis");
    rows_ = x.count(0, axis);
    length_ = x.count_from(axis);
    top[0]->reshape(Shape(std::vector<long>(x.dims().begin(), x.dims().begin() + axis)));
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    switch (config_.operation()) {
      case ReductionParameter::SUM:
      case ReductionParameter::MEAN:
        return reduce(y, [=](long i) { return x[i]; });
      case ReductionParameter::ASUM:
        return reduce(y, [=](long i) { return std::abs(x[i]); });
      case ReductionParameter::SUMSQ:
        return reduce(y, [=](long i) { return x[i] * x[i]; });
    }
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    switch (config_.operation()) {
      case ReductionParameter::SUM:
      case ReductionParameter::MEAN:
        return spread(dy, [=](real g, long i) { dx[i] = g; });
      case ReductionParameter::ASUM:
        return spread(dy,
                      [=](real g, long i) { dx[i] = g * (static_cast<real>(x[i] > 0) - static_cast<real>(x[i] < 0)); });
      case ReductionParameter::SUMSQ:
        return spread(dy, [=](real g, long i) { dx[i] = 2 * g * x[i]; });
    }
  }

 private:
  double factor() const {
    const double coeff = config_.coeff();
    return config_.operation() == ReductionParameter::MEAN ? coeff / static_cast<double>(std::max(1L, length_)) : coeff;
  }

  template <typename Term>
  void reduce(real* y, const Term& term) const {
    const double scale = factor();
    if (rows_ < kManyRows) {
      for (long row = 0; row < rows_; ++row) {
        const double total = parallel_sum(length_, 2, [&](long i) { return term(row * length_ + i); });
        y[row] = static_cast<real>(scale * total);
      }
      return;
    }
    parallel_for(rows_, length_ * 2, [&](long begin, long end) {
      for (long row = begin; row < end; ++row) {
        y[row] = static_cast<real>(scale * sum(row * length_, (row + 1) * length_, term));
      }
    });
  }

  // Calls f(g, i) for each element i; g is the derivative with respect to the sum that contains the element.
  template <typename F>
  void spread(const real* dy, const F& f) const {
    const auto scale = static_cast<real>(factor());
    if (rows_ == 1) return for_elements(length_, 2, [=, g = scale * dy[0]](long i) { f(g, i); });
    parallel_for(rows_, length_ * 2, [&](long begin, long end) {
      const F local = f;
      for (long row = begin; row < end; ++row) {
        const real g = scale * dy[row];
#pragma omp simd
        for (long i = row * length_; i < (row + 1) * length_; ++i) local(g, i);
      }
    });
  }

  const ReductionParameter config_;
  long rows_ = 1, length_ = 1;
};

const RegisterLayer<Reduction> registered("Reduction", "reduction_param");

}  // namespace
}  // namespace crema

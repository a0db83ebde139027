#include "math/step_products.h"

#include "math/blas.h"
#include "math/checked_engine.h"

namespace crema {

void StepProducts::reshape(long steps, long streams, long width, long cells, bool engine) {
  steps_ = steps;
  if (streams == streams_ && width == width_ && cells == cells_ && engine == may_use_engine_) return;
  streams_ = streams;
  width_ = width;
  cells_ = cells;
  may_use_engine_ = engine;
  create();
}

long StepProducts::copied(bool backward) const {
  return (forward_ ? forward_->copied() : 0) + (backward && backward_ ? backward_->copied() : 0);
}

long StepProducts::wanted_parts() const {
  constexpr long kEnough = 16;  // products with fewer rows than this would be slow
  return std::max(1L, std::min(streams_ / kEnough, static_cast<long>(omp_get_max_threads())));
}

void StepProducts::create() {
  constexpr long kLarge = 4096;  // the size of W from which calling a primitive, which takes microseconds, pays off
  parts_ = wanted_parts();
  forward_.reset();
  backward_.reset();
  if (!may_use_engine_ || width_ * cells_ < kLarge) return;
  StepsProblem problem;
  for (long part = 0; part < parts_; ++part) {
    problem.rows.push_back(streams_ * (part + 1) / parts_ - streams_ * part / parts_);
  }
  problem.inputs = cells_;
  problem.outputs = width_;
  problem.add = true;
  forward_ = checked_steps(problem);
  std::swap(problem.inputs, problem.outputs);
  problem.transpose = true;
  problem.add = false;
  backward_ = checked_steps(problem);
}

void StepProducts::prepare(bool backward, const real* w, uint64_t version) {
  if (parts_ != wanted_parts()) create();
  w_ = w;
  EngineSteps* engine = backward ? backward_.get() : forward_.get();
  if (engine) engine->prepare(w, version);
}

void StepProducts::forward(long part, long n, const real* h, real* sums) const {
  if (forward_) return forward_->run(part, h, sums);
  gemm(Use::as_is, Use::transposed, n, width_, cells_, 1, h, w_, 1, sums);
}

void StepProducts::backward(long part, long n, const real* d_sums, real* dh) const {
  if (backward_) return backward_->run(part, d_sums, dh);
  gemm(Use::as_is, Use::as_is, n, cells_, width_, 1, d_sums, w_, 0, dh);
}

}  // namespace crema

// Nesterov: momentum with the gradient at the point to which the momentum leads. Nesterov, 1983, "A method of solving a
// convex programming problem with convergence rate O(1/k^2)". Two forms:
//
// Caffe's, in which w itself is the point at which the gradient is taken:
//   v' = mu v + alpha g
//   w <- w - ((1 + mu) v' - mu v),  v <- v'
//
// `averaged: true`, with the mean of the gradients and the gradient taken ahead of w:
//   u <- beta u + (1 - beta) grad J(w - alpha u)
//   w <- w - alpha u
// alpha is that of the same iteration in both lines. Before an iteration's forward passes look_ahead() moves the
// parameter to w - alpha u; the update steps from there to the new w at once. Between iterations (tests, snapshots) the
// parameter is w; the losses of training are those at the point ahead of w. L2 and L1 are a part of J: their gradient
// is taken there, too.
#include "solvers/check.h"
#include "solvers/update_rule.h"

namespace crema {
namespace {

class CaffeNesterov final : public UpdateRule {
 public:
  explicit CaffeNesterov(real mu) : mu_(mu) {}

  std::string name() const override { return "Nesterov"; }
  int histories() const override { return 1; }

  void update(const Update& u) const override {
    const real mu = mu_, alpha = u.rate, *g = u.g;
    real *w = u.w, *v = u.state[0];
    for_each_element(u, [=](const auto& decay, long i) {
      const real before = v[i];
      v[i] = mu * before + alpha * decay.gradient(g[i], w[i]);
      w[i] = decay.shrink(w[i]) - ((1 + mu) * v[i] - mu * before);
    });
  }

 private:
  real mu_;
};

class AveragedNesterov final : public UpdateRule {
 public:
  explicit AveragedNesterov(real beta) : beta_(beta) {}

  std::string name() const override { return "Nesterov averaged"; }
  int histories() const override { return 1; }

  bool looks_ahead() const override { return true; }

  void look_ahead(const Update& u) const override {
    const real alpha = u.rate;
    real *w = u.w, *mean = u.state[0];
    for_elements(u.count, 4, [=](long i) { w[i] -= alpha * mean[i]; });
  }

  void update(const Update& u) const override {
    const real beta = beta_, alpha = u.rate, *g = u.g;
    real *w = u.w, *mean = u.state[0];
    for_each_element(u, [=](const auto& decay, long i) {
      const real start = w[i] + alpha * mean[i];  // w before it was moved ahead
      mean[i] = beta * mean[i] + (1 - beta) * decay.gradient(g[i], w[i]);
      w[i] = decay.shrink(start) - alpha * mean[i];
    });
  }

 private:
  real beta_;
};

std::unique_ptr<UpdateRule> create(const SolverConfig& config) {
  const real momentum = checked_share(config, "momentum", config.solver.momentum());
  if (config.solver.averaged()) return std::make_unique<AveragedNesterov>(momentum);
  return std::make_unique<CaffeNesterov>(momentum);
}

const bool registered = (register_update_rule("Nesterov", create), true);

}  // namespace
}  // namespace crema

// Momentum: steps along the exponentially weighted mean of the gradients. The rate is not part of this mean.
//   u <- beta u + (1 - beta) g
//   w <- w - alpha u
// beta: momentum. The mean starts at zero, so that the first steps are short; with bias_correction
//   w <- w - alpha u / (1 - beta^(t + 1)),  t the iteration, from 0
// (Kingma and Ba, 2015, arXiv:1412.6980, section 3).
#include <cmath>

#include "solvers/check.h"
#include "solvers/update_rule.h"

namespace crema {
namespace {

class Momentum final : public UpdateRule {
 public:
  explicit Momentum(const SolverConfig& config)
      : beta_(checked_share(config, "momentum", config.solver.momentum())),
        bias_correction_(config.solver.bias_correction()) {}

  std::string name() const override { return "Momentum"; }
  int histories() const override { return 1; }

  void update(const Update& u) const override {
    const double correction = bias_correction_ ? 1 - std::pow(static_cast<double>(beta_), u.iteration + 1.0) : 1;
    const real beta = beta_, alpha = static_cast<real>(u.rate / correction), *g = u.g;
    real *w = u.w, *mean = u.state[0];
    for_each_element(u, [=](const auto& decay, long i) {
      mean[i] = beta * mean[i] + (1 - beta) * decay.gradient(g[i], w[i]);
      w[i] = decay.shrink(w[i]) - alpha * mean[i];
    });
  }

 private:
  real beta_;
  bool bias_correction_;
};

const RegisterUpdateRule<Momentum> registered("Momentum");

}  // namespace
}  // namespace crema

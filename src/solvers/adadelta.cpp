// AdaDelta: steps as long as the latest ones were, whatever the gradient's unit.
//   h <- rho h + (1 - rho) g^2
//   s = sqrt((delta + r) / (delta + h)) g
//   r <- rho r + (1 - rho) s^2
//   w <- w - alpha s
// rho: momentum. Zeiler, 2012, arXiv:1212.5701; alpha is Caffe's addition, 1 in the paper.
#include <cmath>

#include "solvers/check.h"
#include "solvers/update_rule.h"

namespace crema {
namespace {

class AdaDelta final : public UpdateRule {
 public:
  explicit AdaDelta(const SolverConfig& config)
      : rho_(checked_share(config, "momentum", config.solver.momentum())), delta_(checked_delta(config)) {}

  std::string name() const override { return "AdaDelta"; }
  int histories() const override { return 2; }

  void update(const Update& u) const override {
    const real rho = rho_, delta = delta_, alpha = u.rate, *g = u.g;
    real *w = u.w, *h = u.state[0], *r = u.state[1];
    for_each_element(u, [=](const auto& decay, long i) {
      const real gradient = decay.gradient(g[i], w[i]);
      h[i] = rho * h[i] + (1 - rho) * gradient * gradient;
      const real s = std::sqrt((delta + r[i]) / (delta + h[i])) * gradient;
      r[i] = rho * r[i] + (1 - rho) * s * s;
      w[i] = decay.shrink(w[i]) - alpha * s;
    });
  }

 private:
  real rho_, delta_;
};

const RegisterUpdateRule<AdaDelta> registered("AdaDelta");

}  // namespace
}  // namespace crema

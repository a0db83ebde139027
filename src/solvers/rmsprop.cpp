// RMSProp: each element's step is divided by the root of the mean of its squared gradients.
//   h <- rho h + (1 - rho) g^2
//   w <- w - alpha g / (sqrt(h) + delta)
// rho: rms_decay. Tieleman and Hinton, 2012, "Neural networks for machine learning", lecture 6.5; with delta beside the
// root, as in Caffe.
#include <cmath>

#include "solvers/check.h"
#include "solvers/update_rule.h"

namespace crema {
namespace {

class RmsProp final : public UpdateRule {
 public:
  explicit RmsProp(const SolverConfig& config)
      : rho_(checked_share(config, "rms_decay", config.solver.rms_decay())), delta_(checked_delta(config)) {
    check_no_momentum(config);
  }

  std::string name() const override { return "RMSProp"; }
  int histories() const override { return 1; }

  void update(const Update& u) const override {
    const real rho = rho_, delta = delta_, alpha = u.rate, *g = u.g;
    real *w = u.w, *h = u.state[0];
    for_each_element(u, [=](const auto& decay, long i) {
      const real gradient = decay.gradient(g[i], w[i]);
      h[i] = rho * h[i] + (1 - rho) * gradient * gradient;
      w[i] = decay.shrink(w[i]) - alpha * gradient / (std::sqrt(h[i]) + delta);
    });
  }

 private:
  real rho_, delta_;
};

const RegisterUpdateRule<RmsProp> registered("RMSProp");

}  // namespace
}  // namespace crema

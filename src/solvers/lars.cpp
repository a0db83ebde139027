// LARS: SGD with momentum, in which each parameter has its own rate, so that its step is a share of its norm.
//   r = eta |w| / (|g| + |lambda w|),  1 where |w| or the divisor is 0
//   v <- mu v + alpha r (g + lambda w)
//   w <- w - v
// eta: trust, mu: momentum, |.|: the L2 norm of a whole parameter. You, Gitman and Ginsburg, 2017, arXiv:1708.03888,
// algorithm 1: the rate is part of v, and v is not corrected when the rate changes. With L1, the penalty's gradient
// takes the place of lambda w. Decoupled weight decay has no part in r and v.
#include <cmath>

#include "solvers/check.h"
#include "solvers/update_rule.h"

namespace crema {
namespace {

class Lars final : public UpdateRule {
 public:
  explicit Lars(const SolverConfig& config)
      : mu_(checked_share(config, "momentum", config.solver.momentum())), eta_(config.solver.trust()) {
    check_field(config, "trust", std::isfinite(eta_) && eta_ > 0, "trust is {}; it must be a number above 0", eta_);
  }

  std::string name() const override { return "LARS"; }
  int histories() const override { return 1; }
  bool whole() const override { return true; }

  void update(const Update& u) const override {
    const real mu = mu_, alpha = u.rate * ratio(u), *g = u.g;
    real *w = u.w, *v = u.state[0];
    for_each_element(u, [=](const auto& decay, long i) {
      v[i] = mu * v[i] + alpha * decay.gradient(g[i], w[i]);
      w[i] = decay.shrink(w[i]) - v[i];
    });
  }

 private:
  real ratio(const Update& u) const {
    const real *g = u.g, *w = u.w;
    const double weights = std::sqrt(sum_over_elements(u, [w](const auto&, long i) { return w[i] * w[i]; }));
    const auto norm = [&](const auto& part) {
      return std::sqrt(sum_over_elements(u, [=](const auto& decay, long i) {
        const real x = part(decay, i);
        return x * x;
      }));
    };
    const double divisor = norm([g](const auto& decay, long i) { return decay.gradient(g[i], 0); }) +
                           norm([w](const auto& decay, long i) { return decay.gradient(0, w[i]); });
    if (weights == 0 || divisor == 0) return 1;
    return static_cast<real>(static_cast<double>(eta_) * weights / divisor);
  }

  real mu_, eta_;
};

const RegisterUpdateRule<Lars> registered("LARS");

}  // namespace
}  // namespace crema

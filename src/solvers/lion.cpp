// Lion: all elements' steps have the same length. Their direction is the sign of a mean of the momentum and the new
// gradient.
//   c = beta1 m + (1 - beta1) g
//   m <- beta2 m + (1 - beta2) g
//   w <- w - alpha (sign(c) + lambda w)
// beta1: momentum, beta2: momentum2; the paper takes 0.9 and 0.99, and a rate 3 to 10 times smaller than AdamW's.
// Chen et al., 2023, arXiv:2302.06675, algorithm 2.
#include "solvers/check.h"
#include "solvers/update_rule.h"

namespace crema {
namespace {

class Lion final : public UpdateRule {
 public:
  explicit Lion(const SolverConfig& config)
      : beta1_(checked_share(config, "momentum", config.solver.momentum())),
        beta2_(checked_share(config, "momentum2", config.solver.momentum2())) {}

  std::string name() const override { return "Lion"; }
  int histories() const override { return 1; }
  bool decoupled() const override { return true; }

  void update(const Update& u) const override {
    const real beta1 = beta1_, beta2 = beta2_, alpha = u.rate, *g = u.g;
    real *w = u.w, *m = u.state[0];
    for_each_element(u, [=](const auto& decay, long i) {
      const real gradient = decay.gradient(g[i], w[i]);
      const real c = beta1 * m[i] + (1 - beta1) * gradient;
      m[i] = beta2 * m[i] + (1 - beta2) * gradient;
      w[i] = decay.shrink(w[i]) - alpha * decay::sign(c);
    });
  }

 private:
  real beta1_, beta2_;
};

const RegisterUpdateRule<Lion> registered("Lion");

}  // namespace
}  // namespace crema

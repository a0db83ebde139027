// SGD: stochastic gradient descent with Caffe's momentum, in which the rate is part of v.
//   v <- mu v + alpha g
//   w <- w - v
// mu: momentum. Polyak, 1964, "Some methods of speeding up the convergence of iteration methods".
#include "solvers/check.h"
#include "solvers/update_rule.h"

namespace crema {
namespace {

class Sgd final : public UpdateRule {
 public:
  explicit Sgd(const SolverConfig& config) : mu_(checked_share(config, "momentum", config.solver.momentum())) {}

  std::string name() const override { return "SGD"; }
  int histories() const override { return 1; }

  void update(const Update& u) const override {
    const real mu = mu_, alpha = u.rate, *g = u.g;
    real *w = u.w, *v = u.state[0];
    for_each_element(u, [=](const auto& decay, long i) {
      v[i] = mu * v[i] + alpha * decay.gradient(g[i], w[i]);
      w[i] = decay.shrink(w[i]) - v[i];
    });
  }

 private:
  real mu_;
};

const RegisterUpdateRule<Sgd> registered("SGD");

}  // namespace
}  // namespace crema

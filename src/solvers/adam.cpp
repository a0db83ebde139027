// Adam: the mean of the gradients, divided by the root of the mean of their squares.
//   m <- beta1 m + (1 - beta1) g
//   v <- beta2 v + (1 - beta2) g^2
//   w <- w - alpha c m / (sqrt(v) + delta),  c = sqrt(1 - beta2^(t + 1)) / (1 - beta1^(t + 1))
// t: the iteration, from 0.
// beta1: momentum, beta2: momentum2. Kingma and Ba, 2015, arXiv:1412.6980, in the form at the end of its section 2, as
// in Caffe: delta is added to the root before v is corrected.
#include <cmath>

#include "solvers/check.h"
#include "solvers/update_rule.h"

namespace crema {
namespace {

class Adam final : public UpdateRule {
 public:
  explicit Adam(const SolverConfig& config)
      : beta1_(checked_share(config, "momentum", config.solver.momentum())),
        beta2_(checked_share(config, "momentum2", config.solver.momentum2())),
        delta_(checked_delta(config)) {}

  std::string name() const override { return "Adam"; }
  int histories() const override { return 2; }

  void update(const Update& u) const override {
    const real beta1 = beta1_, beta2 = beta2_, delta = delta_, alpha = u.rate * correction(u.iteration + 1), *g = u.g;
    real *w = u.w, *m = u.state[0], *v = u.state[1];
    for_each_element(u, [=](const auto& decay, long i) {
      const real gradient = decay.gradient(g[i], w[i]);
      m[i] = beta1 * m[i] + (1 - beta1) * gradient;
      v[i] = beta2 * v[i] + (1 - beta2) * gradient * gradient;
      w[i] = decay.shrink(w[i]) - alpha * m[i] / (std::sqrt(v[i]) + delta);
    });
  }

 private:
  real correction(double steps) const {
    const double m = 1 - std::pow(static_cast<double>(beta1_), steps),
                 v = 1 - std::pow(static_cast<double>(beta2_), steps);
    return static_cast<real>(std::sqrt(v) / m);
  }

  real beta1_, beta2_, delta_;
};

const RegisterUpdateRule<Adam> registered("Adam");

}  // namespace
}  // namespace crema

// AdaGrad: each element's step is divided by the root of the sum of all its squared gradients.
//   h <- h + g^2
//   w <- w - alpha g / (sqrt(h) + delta)
// Duchi, Hazan and Singer, 2011, "Adaptive subgradient methods for online learning and stochastic optimization"; with
// delta beside the root, as in Caffe.
#include <cmath>

#include "solvers/check.h"
#include "solvers/update_rule.h"

namespace crema {
namespace {

class AdaGrad final : public UpdateRule {
 public:
  explicit AdaGrad(const SolverConfig& config) : delta_(checked_delta(config)) { check_no_momentum(config); }

  std::string name() const override { return "AdaGrad"; }
  int histories() const override { return 1; }

  void update(const Update& u) const override {
    const real delta = delta_, alpha = u.rate, *g = u.g;
    real *w = u.w, *h = u.state[0];
    for_each_element(u, [=](const auto& decay, long i) {
      const real gradient = decay.gradient(g[i], w[i]);
      h[i] += gradient * gradient;
      w[i] = decay.shrink(w[i]) - alpha * gradient / (std::sqrt(h[i]) + delta);
    });
  }

 private:
  real delta_;
};

const RegisterUpdateRule<AdaGrad> registered("AdaGrad");

}  // namespace
}  // namespace crema

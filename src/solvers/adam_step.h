// What Adam, AdamW and AMSGrad share: two running means and the step between them.
#pragma once

#include <cmath>

#include "solvers/check.h"
#include "solvers/update_rule.h"

namespace crema {

struct AdamStep {
  real beta1, beta2, delta;

  explicit AdamStep(const SolverConfig& config)
      : beta1(checked_share(config, "momentum", config.solver.momentum())),
        beta2(checked_share(config, "momentum2", config.solver.momentum2())),
        delta(checked_delta(config)) {}

  // c = sqrt(1 - beta2^n) / (1 - beta1^n): the means start at 0, so they are too small at first. c corrects the step
  // for that after n steps.
  real correction(double n) const {
    const double m = 1 - std::pow(static_cast<double>(beta1), n), v = 1 - std::pow(static_cast<double>(beta2), n);
    return static_cast<real>(std::sqrt(v) / m);
  }

  // m and v are state[0] and state[1]. `square(i, v)` is what the root is taken of, for element i.
  template <typename Square>
  void operator()(const Update& u, const Square& square) const {
    const real beta1 = this->beta1, beta2 = this->beta2, delta = this->delta;
    const real alpha = u.rate * correction(u.iteration + 1), *g = u.g;
    real *w = u.w, *m = u.state[0], *v = u.state[1];
    for_each_element(u, [=](const auto& decay, long i) {
      const real gradient = decay.gradient(g[i], w[i]);
      m[i] = beta1 * m[i] + (1 - beta1) * gradient;
      v[i] = beta2 * v[i] + (1 - beta2) * gradient * gradient;
      w[i] = decay.shrink(w[i]) - alpha * m[i] / (std::sqrt(square(i, v[i])) + delta);
    });
  }
};

}  // namespace crema

// AMSGrad: Adam, divided by the largest mean of squares so far, so that an element's steps do not grow again.
//   m <- beta1 m + (1 - beta1) g
//   v <- beta2 v + (1 - beta2) g^2
//   top <- max(top, v)
//   w <- w - alpha c m / (sqrt(top) + delta)
// beta1, beta2 and delta as in adam.cpp. Reddi, Kale and Kumar, 2018, arXiv:1904.09237, algorithm 2. The paper leaves
// out c; it is kept here, so that the first steps are Adam's.
#include <algorithm>

#include "solvers/adam_step.h"

namespace crema {
namespace {

class AmsGrad final : public UpdateRule {
 public:
  explicit AmsGrad(const SolverConfig& config) : step_(config) {}

  std::string name() const override { return "AMSGrad"; }
  int histories() const override { return 3; }

  void update(const Update& u) const override {
    real* top = u.state[2];
    step_(u, [top](long i, real v) { return top[i] = std::max(top[i], v); });
  }

 private:
  AdamStep step_;
};

const RegisterUpdateRule<AmsGrad> registered("AMSGrad");

}  // namespace
}  // namespace crema

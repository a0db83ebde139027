// AdamW: Adam whose weight decay stays out of the means.
//   m <- beta1 m + (1 - beta1) g
//   v <- beta2 v + (1 - beta2) g^2
//   w <- w - alpha (c m / (sqrt(v) + delta) + lambda w)
// c, beta1, beta2 and delta as in adam.cpp. Loshchilov and Hutter, 2019, arXiv:1711.05101, algorithm 2.
#include "solvers/adam_step.h"

namespace crema {
namespace {

class AdamW final : public UpdateRule {
 public:
  explicit AdamW(const SolverConfig& config) : step_(config) {}

  std::string name() const override { return "AdamW"; }
  int histories() const override { return 2; }
  bool decoupled() const override { return true; }

  void update(const Update& u) const override {
    step_(u, [](long, real v) { return v; });
  }

 private:
  AdamStep step_;
};

const RegisterUpdateRule<AdamW> registered("AdamW");

}  // namespace
}  // namespace crema

// Adam: the mean of the gradients, divided by the root of the mean of their squares.
//   m <- beta1 m + (1 - beta1) g
//   v <- beta2 v + (1 - beta2) g^2
//   w <- w - alpha c m / (sqrt(v) + delta),  c = sqrt(1 - beta2^(t + 1)) / (1 - beta1^(t + 1))
// t: the iteration, from 0.
// beta1: momentum, beta2: momentum2. Kingma and Ba, 2015, arXiv:1412.6980, in the form at the end of its section 2, as
// in Caffe: delta is added to the root before v is corrected.
#include "solvers/adam_step.h"

namespace crema {
namespace {

class Adam final : public UpdateRule {
 public:
  explicit Adam(const SolverConfig& config) : step_(config) {}

  std::string name() const override { return "Adam"; }
  int histories() const override { return 2; }

  void update(const Update& u) const override {
    step_(u, [](long, real v) { return v; });
  }

 private:
  AdamStep step_;
};

const RegisterUpdateRule<Adam> registered("Adam");

}  // namespace
}  // namespace crema

// An update rule turns a gradient into a step. Each rule is one .cpp file in this folder that follows its paper. It
// registers itself under its type's name and derives from no other rule.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "config/net_config.h"
#include "math/real.h"
#include "solvers/decay.h"

namespace crema {

// One parameter's memory and the numbers that hold for it in one iteration.
struct Update {
  int iteration;        // t, from 0
  real rate;            // alpha: the schedule's rate * lr_mult
  real decay;           // lambda: weight_decay * decay_mult
  real gradient_scale;  // of the summed gradient: clipping and 1 / iter_size
  Decay decay_kind;
  long count;
  real* w;
  const real* g;               // summed over iter_size passes; not scaled yet
  std::array<real*, 3> state;  // the rule's histories, zero at first; only the first histories() exist
};

class UpdateRule {
 public:
  static constexpr int kMostHistories = 3;

  virtual ~UpdateRule() = default;

  // The name under which a solver state keeps the histories: the rule's type and, if the histories depend on it, its
  // form.
  virtual std::string name() const = 0;

  // Arrays that the rule keeps for each parameter.
  virtual int histories() const = 0;

  // One pass over the parameter's memory: reads g, changes w and the histories. Called for parts of a parameter on
  // several threads, unless whole().
  virtual void update(const Update& update) const = 0;

  // Whether an element's step depends on the parameter's other elements.
  virtual bool whole() const { return false; }

  // Whether the rule always shrinks the weights directly by weight decay, whatever decoupled_decay says.
  virtual bool decoupled() const { return false; }

  // For a rule that wants the gradient at another point than w: moves w there before the iteration's first forward
  // pass. update() then finds w there, with the same rate, and sets it to what the rule's formula gives. Update::g is
  // null.
  virtual bool looks_ahead() const { return false; }
  virtual void look_ahead(const Update&) const {}
};

using CreateUpdateRule = std::function<std::unique_ptr<UpdateRule>(const SolverConfig&)>;

// All rules by the name that a solver's `type` gives.
const std::map<std::string, CreateUpdateRule>& update_rules();
void register_update_rule(const std::string& type, CreateUpdateRule create);

// The rule of a solver's `type`. Throws Error, with its place in the text, for an unknown type (with the nearest known
// one) and for settings that the rule refuses.
std::unique_ptr<UpdateRule> create_update_rule(const SolverConfig& config);

// const RegisterUpdateRule<Sgd> registered("SGD");
template <typename Rule>
class RegisterUpdateRule {
 public:
  explicit RegisterUpdateRule(const char* type) {
    register_update_rule(type, [](const SolverConfig& config) { return std::make_unique<Rule>(config); });
  }
};

}  // namespace crema

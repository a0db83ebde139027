// The learning rate as a function of the iteration, by the solver's lr_policy: fixed, step, multistep, exp, inv, poly,
// sigmoid, cosine; for plateau, of the number of drops so far. Each may begin with a linear warm-up. Formulas:
// proto/crema.proto.
#pragma once

#include "config/net_config.h"

namespace crema {

struct LrFormula;

class LrPolicy {
 public:
  // Throws Error, with the place in the text, for an unknown policy (with the nearest one) and for fields that it needs
  // and that are absent or make no sense; also if a rate up to max_iter is not finite.
  explicit LrPolicy(const SolverConfig& config);

  // alpha at iteration t, from 0.
  float rate(int iteration);

  // For "plateau": how often the rate has dropped. 0 at first; the others ignore it.
  void set_drops(int drops) { drops_ = drops; }

  // Drops that "step" and "multistep" have made at an iteration, as Caffe's solver states keep them; 0 for the others.
  int steps_at(int iteration) const;

 private:
  double policy_rate(int iteration) const;  // without the warm-up
  double rate_at(int iteration) const;
  void check_finite(const SolverConfig& config) const;

  SolverParameter solver_;
  const LrFormula* formula_;
  int last_step_ = -1;  // for the iteration of the last call; -1 before the first call
  int drops_ = 0;
};

}  // namespace crema

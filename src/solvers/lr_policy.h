// The learning rate as a function of the iteration, by the solver's lr_policy: fixed, step, multistep, exp, inv, poly,
// sigmoid (formulas: proto/crema.proto).
#pragma once

#include "config/net_config.h"

namespace crema {

struct LrFormula;

class LrPolicy {
 public:
  // Throws Error, with the place in the text, for an unknown policy (with the nearest one) and for fields that it needs
  // and that are absent or make no sense.
  explicit LrPolicy(const SolverConfig& config);

  // How often the monitored test output had policy "plateau" drop the rate.
  void set_drops(int drops) { drops_ = drops; }

  // alpha at iteration t, from 0.
  float rate(int iteration);

  // Drops that "step" and "multistep" had made at the iteration that was last asked for, as Caffe's solver states keep
  // them; 0 for the others.
  int current_step() const { return current_step_; }

 private:
  SolverParameter solver_;
  const LrFormula* formula_;
  int current_step_ = 0;
  int drops_ = 0;
};

}  // namespace crema

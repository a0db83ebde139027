// Applies an update rule to a net's parameters: keeps the rule's histories, clips, regularizes, and uses each
// parameter's own rate and decay.
#pragma once

#include <memory>
#include <vector>

#include "config/net_config.h"
#include "core/net.h"
#include "solvers/update_rule.h"

namespace crema {

class Optimizer {
 public:
  // `parameters` outlives the optimizer. Throws Error as create_update_rule() does.
  Optimizer(const SolverConfig& config, std::vector<NetParameterInfo>& parameters);

  // To be called before the forward passes of iteration t; `rate` is the schedule's rate at t. Most rules do nothing
  // here.
  void look_ahead(int iteration, float rate);

  // One step along the diffs, which hold the sum over iter_size passes and are then forgotten. A parameter without a
  // diff has gradient zero: decay and momentum still move it. Throws Error if clipping meets a gradient that is not
  // finite.
  void update(int iteration, float rate);

  // The histories as Caffe orders them: the first of every parameter, then the second.
  void save(SolverState* state) const;

  // Throws Error, before anything has changed, if the histories belong to another rule or do not fit the parameters.
  void restore(const SolverState& state);

 private:
  static bool moves(const NetParameterInfo& info) { return info.parameter->learns() && info.lr_mult != 0; }
  Update prepare(size_t i, int iteration, float rate);
  // Calls step(update) for each of the updates, or for parts of them on all threads.
  template <typename Step>
  void run(const std::vector<Update>& updates, const Step& step) const;
  double clip_factor(int iteration) const;
  void check_histories(const SolverState& state) const;

  SolverParameter solver_;
  std::string place_;  // of clip_gradients in the solver's text
  std::unique_ptr<UpdateRule> rule_;
  std::vector<NetParameterInfo>& parameters_;
  std::vector<std::vector<Buffer>> history_;  // [which][parameter]; empty for parameters that never move
};

}  // namespace crema

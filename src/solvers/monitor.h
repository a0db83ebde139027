// Watches one output of the tests: when it was best, and for how many tests it has not improved. Policy "plateau",
// early stopping and keep_best depend on it.
#pragma once

#include <string>
#include <vector>

#include "config/net_config.h"
#include "core/net.h"
#include "solvers/evaluate.h"

namespace crema {

class Monitor {
 public:
  // Throws Error, with the place in the solver's text, for settings that make no sense or lack `monitor`.
  explicit Monitor(const SolverConfig& config);

  bool active() const { return solver_.has_monitor(); }
  int net() const { return solver_.monitor_net(); }  // the test net that is watched

  // Throws Error if no test net has that output.
  void check_nets(const std::vector<const Net*>& test_nets) const;

  // Takes in one more test of the watched net, and returns whether its output is the best so far. A value that is not
  // finite never is.
  bool see(int iteration, const std::vector<Score>& scores);

  int drops() const { return state_.drops(); }  // of policy "plateau"
  // Whether early_stop ends training.
  bool exhausted() const { return solver_.early_stop() > 0 && state_.since_best() >= solver_.early_stop(); }
  // "accuracy has not improved in 5 tests; its best was 0.991 at iteration 1500".
  std::string text() const;

  const MonitorState& state() const { return state_; }
  // Throws Error for numbers that no run can have. If another output was watched, warns and starts anew.
  void restore(const MonitorState& state);

 private:
  bool better(double value, bool smaller) const;

  SolverParameter solver_;
  std::string place_;  // of `monitor` in the solver's text
  MonitorState state_;
};

}  // namespace crema

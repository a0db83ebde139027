#include "solvers/monitor.h"

#include <cmath>
#include <limits>

#include "base/log.h"
#include "config/suggest.h"
#include "solvers/check.h"

namespace crema {

Monitor::Monitor(const SolverConfig& config) : solver_(config.solver), place_(config.source.at("monitor")) {
  const SolverParameter& s = solver_;
  const auto needs_monitor = [&](const char* field, bool used) {
    check_field(config, field, !used || s.has_monitor(), "{} needs `monitor`: the name of a test net's output", field);
  };
  needs_monitor("early_stop", s.early_stop() > 0);
  needs_monitor("keep_best", s.keep_best());
  check_field(config, "early_stop", s.early_stop() >= 0, "early_stop is {}; it must be at least 0", s.early_stop());
  if (active()) {
    state_.set_output(s.monitor());
    state_.set_net(s.monitor_net());
    state_.set_mode(s.monitor_mode());
  }
  check_field(config, "min_delta", std::isfinite(s.min_delta()) && s.min_delta() >= 0,
              "min_delta is {}; it must be a number of at least 0", s.min_delta());
}

void Monitor::check_nets(const std::vector<const Net*>& test_nets) const {
  if (!active()) return;
  const auto count = static_cast<int>(test_nets.size());
  check(net() >= 0 && net() < count, "{}: monitor_net is {}, and there {} {} test net{}", place_, net(),
        count == 1 ? "is" : "are", count, count == 1 ? "" : "s");
  std::vector<std::string> names;
  for (const NetOutput& output : test_nets[net()]->outputs()) {
    if (output.name == solver_.monitor()) return;
    names.push_back(output.name);
  }
  throw Error("{}: test net #{} has no output {}{}", place_, net(), in_quotes(solver_.monitor()),
              choices(solver_.monitor(), names));
}

bool Monitor::better(double value, bool smaller) const {
  if (!std::isfinite(value)) return false;
  if (!state_.has_best()) return true;
  const double delta = solver_.min_delta();
  return smaller ? value < state_.best() - delta : value > state_.best() + delta;
}

bool Monitor::see(int iteration, const std::vector<Score>& scores) {
  double sum = 0;
  int elements = 0;
  bool smaller = solver_.monitor_mode() == MonitorState::MIN;
  for (const Score& score : scores) {
    if (score.name != solver_.monitor()) continue;
    sum += score.value;
    ++elements;
    if (solver_.monitor_mode() == MonitorState::AUTO) smaller = score.weight != 0;
  }
  check(elements > 0, "{}: output {} has no elements in this test", place_, in_quotes(solver_.monitor()));
  if (better(sum / elements, smaller)) {
    state_.set_best(sum / elements);
    state_.set_best_iteration(iteration);
    state_.set_since_best(0);
    state_.set_since_drop(0);
    return true;
  }
  state_.set_since_best(state_.since_best() + 1);
  state_.set_since_drop(state_.since_drop() + 1);
  if (solver_.lr_policy() == "plateau" && state_.since_drop() >= solver_.patience()) {
    state_.set_drops(state_.drops() + 1);
    state_.set_since_drop(0);
    CREMA_INFO("Plateau: {}; drop {} of the learning rate", text(), state_.drops());
  }
  return false;
}

std::string Monitor::text() const {
  const std::string best =
      state_.has_best() ? fmt::format("its best was {:g} at iteration {}", state_.best(), state_.best_iteration())
                        : "it never was a finite number";
  return fmt::format("{} has not improved in {} test{}; {}", solver_.monitor(), state_.since_best(),
                     state_.since_best() == 1 ? "" : "s", best);
}

void Monitor::restore(const MonitorState& state) {
  const bool same = state.output() == state_.output() && state.net() == state_.net() && state.mode() == state_.mode();
  if (!same) {
    CREMA_WARN(
        "the state knows output \"{}\" of test net #{}, and the solver monitors \"{}\" of #{} or the other way "
        "round: its best starts anew",
        state.output(), state.net(), state_.output(), state_.net());
    return;
  }
  const auto possible = [](int count) { return count >= 0 && count < std::numeric_limits<int>::max() / 2; };
  const bool counts = possible(state.since_best()) && possible(state.since_drop()) && possible(state.drops());
  check(counts && (!state.has_best() || std::isfinite(state.best())),
        "damaged: what it says of the monitored output is impossible");
  state_ = state;
}

}  // namespace crema

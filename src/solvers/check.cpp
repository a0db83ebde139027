#include "solvers/check.h"

#include <cmath>
#include <limits>

#include "config/suggest.h"
#include "solvers/lr_policy.h"
#include "solvers/monitor.h"
#include "solvers/update_rule.h"

namespace crema {
namespace {

// Runs checks of single fields. Throws at the first fault, or collects all of them.
class Checks {
 public:
  Checks(const SolverConfig& config, std::vector<std::string>* faults) : config_(config), faults_(faults) {}

  template <typename Action>
  void run(const Action& action) {
    try {
      action();
    } catch (const Error& error) {
      if (faults_ == nullptr) throw;
      faults_->push_back(error.what());
    }
  }
  template <typename... Args>
  void field(std::string_view field, bool holds, fmt::format_string<Args...> format, Args&&... args) {
    run([&] { check_field(config_, field, holds, format, std::forward<Args>(args)...); });
  }
  void at_least(std::string_view name, int value, int least) {
    field(name, value >= least, "{} is {}; it must be at least {}", name.substr(0, name.find('[')), value, least);
  }
  void not_negative(std::string_view name, float value) {
    field(name, std::isfinite(value) && value >= 0, "{} is {}; it must be a number of at least 0", name, value);
  }

 private:
  const SolverConfig& config_;
  std::vector<std::string>* faults_;
};

void check_numbers(const SolverConfig& config, Checks& checks) {
  const SolverParameter& s = config.solver;
  checks.field("base_lr", s.has_base_lr(), "base_lr is not set: the learning rate to start with");
  checks.not_negative("base_lr", s.base_lr());
  checks.not_negative("weight_decay", s.weight_decay());
  checks.run([&] { checked_share(config, "ema_decay", s.ema_decay()); });
  checks.field("test_ema", !s.test_ema() || s.ema_decay() > 0, "test_ema needs an average: set ema_decay");
  checks.field("clip_gradients", !std::isnan(s.clip_gradients()) && s.clip_gradients() != 0,
               "clip_gradients is {}; it must be positive, or negative for no clipping", s.clip_gradients());
}

void check_counts(const SolverParameter& s, Checks& checks) {
  checks.field("max_iter", s.has_max_iter(), "max_iter is not set: how many iterations to train for");
  checks.at_least("max_iter", s.max_iter(), 0);
  checks.at_least("iter_size", s.iter_size(), 1);
  checks.at_least("average_loss", s.average_loss(), 1);
  checks.at_least("display", s.display(), 0);
  checks.at_least("snapshot", s.snapshot(), 0);
  checks.at_least("keep_last", s.keep_last(), 0);
  checks.at_least("histogram_interval", s.histogram_interval(), 0);
  checks.at_least("test_interval", s.test_interval(), 0);
  for (int i = 0; i < s.test_iter_size(); ++i) checks.at_least(fmt::format("test_iter[{}]", i), s.test_iter(i), 1);
}

void check_names(const SolverParameter& s, Checks& checks) {
  const std::string& kind = s.regularization_type();
  checks.field("regularization_type", kind == "L1" || kind == "L2", "regularization_type is {}; it is L1 or L2",
               in_quotes(kind));
  checks.field("bias_correction", !s.bias_correction() || s.type() == "Momentum",
               "bias_correction is an option of type \"Momentum\", not of {}", in_quotes(s.type()));
  checks.field("averaged", !s.averaged() || s.type() == "Nesterov",
               "averaged is an option of type \"Nesterov\", not of {}", in_quotes(s.type()));
  checks.field("snapshot_format", s.snapshot_format() == SolverParameter::BINARYPROTO,
               "snapshots are written in snapshot_format BINARYPROTO alone; leave the field out");
}

}  // namespace

real checked_share(const SolverConfig& config, std::string_view field, float value) {
  check_field(config, field, value >= 0 && value < 1, "{} is {}; it must be at least 0 and below 1", field, value);
  return value;
}

real checked_delta(const SolverConfig& config) {
  const float delta = config.solver.delta();
  check_field(config, "delta", std::isfinite(delta) && delta > 0, "delta is {}; it must be above 0", delta);
  return delta;
}

void check_no_momentum(const SolverConfig& config) {
  check_field(config, "momentum", config.solver.momentum() == 0, "momentum is {}, but type {} has none; leave it out",
              config.solver.momentum(), in_quotes(config.solver.type()));
}

void check_trains(const Net& net) {
  check(net.has_loss(),
        "{}: net {} has no loss in phase TRAIN: no layer's top has a loss_weight, so that there is "
        "nothing to train for; add a layer such as SoftmaxWithLoss",
        net.config().source.at(), in_quotes(net.name()));
  bool learns = false;
  for (int i = 0; i < net.layers(); ++i) learns = learns || net.runs_backward(i);
  check(learns,
        "{}: in net {} no parameter has a part in the loss, or none may learn (lr_mult: 0): training would "
        "change nothing",
        net.config().source.at(), in_quotes(net.name()));
}

void check_solver(const SolverConfig& config, std::vector<std::string>* faults) {
  Checks checks(config, faults);
  check_numbers(config, checks);
  check_counts(config.solver, checks);
  checks.run([&] { create_update_rule(config); });
  checks.run([&] { [[maybe_unused]] const LrPolicy policy(config); });
  checks.run([&] { [[maybe_unused]] const Monitor monitor(config); });
  check_names(config.solver, checks);
}

}  // namespace crema

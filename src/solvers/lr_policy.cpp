#include "solvers/lr_policy.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/log.h"
#include "config/suggest.h"
#include "solvers/check.h"

namespace crema {

// The factor on base_lr at iteration t, in double precision. `step` counts the drops, for those that have them.
struct LrFormula {
  const char* name;
  std::vector<const char*> needs;  // fields that must be set
  double (*factor)(const SolverParameter& s, double t, double step);
};

namespace {

const std::vector<LrFormula> kFormulas = {
    {"fixed", {}, [](const SolverParameter&, double, double) { return 1.0; }},
    {"step",
     {"gamma", "stepsize"},
     [](const SolverParameter& s, double, double step) { return std::pow(s.gamma(), step); }},
    {"multistep", {"gamma"}, [](const SolverParameter& s, double, double step) { return std::pow(s.gamma(), step); }},
    {"exp", {"gamma"}, [](const SolverParameter& s, double t, double) { return std::pow(s.gamma(), t); }},
    {"inv",
     {"gamma", "power"},
     [](const SolverParameter& s, double t, double) { return std::pow(1 + s.gamma() * t, -s.power()); }},
    // Iterations beyond max_iter, which only a program can ask for, go on at the end's rate.
    {"poly",
     {"power", "max_iter"},
     [](const SolverParameter& s, double t, double) {
       return std::pow(std::max(0.0, 1 - t / s.max_iter()), s.power());
     }},
    {"sigmoid", {"gamma", "stepsize"}, [](const SolverParameter& s, double t, double) {
       return 1 / (1 + std::exp(-s.gamma() * (t - s.stepsize())));
     }}};

const LrFormula* find_formula(const SolverConfig& config) {
  const std::string& name = config.solver.lr_policy();
  std::vector<std::string> names;
  for (const LrFormula& formula : kFormulas) {
    if (name == formula.name) return &formula;
    names.emplace_back(formula.name);
  }
  check_field(config, "lr_policy", config.solver.has_lr_policy(), "lr_policy is not set; it is one of {}",
              fmt::join(names, ", "));
  throw Error("{}: unknown lr_policy {}{}", config.source.at("lr_policy"), quoted(name), choices(name, names));
}

void check_needs(const SolverConfig& config, const LrFormula& formula) {
  const SolverParameter& s = config.solver;
  for (const char* field : formula.needs) {
    const auto* descriptor = SolverParameter::descriptor()->FindFieldByName(field);
    check_field(config, "lr_policy", s.GetReflection()->HasField(s, descriptor), "lr_policy {} needs {}",
                quoted(s.lr_policy()), field);
  }
}

// Values under which a formula would give no number, or none that anybody wants.
void check_values(const SolverConfig& config) {
  const SolverParameter& s = config.solver;
  const bool may_be_negative = s.lr_policy() == "sigmoid";  // there it makes the rate fall
  check_field(config, "gamma", std::isfinite(s.gamma()) && (may_be_negative || s.gamma() >= 0),
              "gamma is {}; it must be a number of at least 0", s.gamma());
  check_field(config, "power", std::isfinite(s.power()), "power is {}; it must be a finite number", s.power());
  check_field(config, "power", s.lr_policy() != "poly" || s.power() >= 0, "power is {}; poly needs at least 0",
              s.power());
  check_field(config, "stepsize", s.lr_policy() != "step" || s.stepsize() > 0, "stepsize is {}; it must be above 0",
              s.stepsize());
  for (int i = 1; i < s.stepvalue_size(); ++i) {
    check_field(config, fmt::format("stepvalue[{}]", i), s.stepvalue(i) >= s.stepvalue(i - 1),
                "stepvalue {} comes after {}; the values must rise", s.stepvalue(i), s.stepvalue(i - 1));
  }
}

}  // namespace

LrPolicy::LrPolicy(const SolverConfig& config) : solver_(config.solver), formula_(find_formula(config)) {
  check_needs(config, *formula_);
  check_values(config);
}

float LrPolicy::rate(int iteration) {
  if (solver_.lr_policy() == "step") current_step_ = iteration / solver_.stepsize();
  if (solver_.lr_policy() == "multistep") {
    const auto& values = solver_.stepvalue();
    const auto drops = static_cast<int>(std::upper_bound(values.begin(), values.end(), iteration) - values.begin());
    if (drops != current_step_) CREMA_INFO("MultiStep Status: Iteration {}, step = {}", iteration, drops);
    current_step_ = drops;
  }
  return static_cast<float>(solver_.base_lr() * formula_->factor(solver_, iteration, current_step_));
}

}  // namespace crema

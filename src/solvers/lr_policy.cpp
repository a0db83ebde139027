#include "solvers/lr_policy.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/log.h"
#include "config/suggest.h"
#include "solvers/check.h"

namespace crema {

// The factor on base_lr at iteration t, in double precision; for cosine, the factor on base_lr - min_lr. `step`: the
// number of drops, for policies with drops.
struct LrFormula {
  const char* name;
  std::vector<const char*> needs;  // fields that must be set
  double (*factor)(const SolverParameter& s, double t, double step);
};

namespace {

// The share of the current period that has passed at iteration t, from 0 to 1. Iterations beyond max_iter stay at the
// end.
double share_of_period(const SolverParameter& s, double t) {
  if (!s.has_stepsize()) return std::min(t, static_cast<double>(s.max_iter())) / std::max(1, s.max_iter());
  double length = s.stepsize();
  const auto mult = static_cast<double>(s.period_mult());
  // The first n periods take length (mult^n - 1) / (mult - 1). All but the last one or two periods before t are skipped
  // at once, since there are very many if mult is near 1.
  if (mult != 1) {
    const double whole = std::floor(std::log1p(t / length * (mult - 1)) / std::log(mult)) - 1;
    if (whole > 100) {
      t -= length * std::expm1(whole * std::log(mult)) / (mult - 1);
      length *= std::pow(mult, whole);
    }
  }
  for (int i = 0; i < 200 && mult != 1 && t >= length; ++i) {
    t -= length;
    length *= mult;
  }
  return std::fmod(std::max(t, 0.0), length) / length;
}

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
    // Iterations beyond max_iter, which only a program can ask for, use the last rate.
    {"poly",
     {"power", "max_iter"},
     [](const SolverParameter& s, double t, double) {
       return std::pow(std::max(0.0, 1 - t / std::max(1, s.max_iter())), s.power());
     }},
    {"sigmoid",
     {"gamma", "stepsize"},
     [](const SolverParameter& s, double t, double) { return 1 / (1 + std::exp(-s.gamma() * (t - s.stepsize()))); }},
    {"cosine",
     {},
     [](const SolverParameter& s, double t, double) { return (1 + std::cos(M_PI * share_of_period(s, t))) / 2; }},
    {"plateau", {"gamma", "monitor"}, [](const SolverParameter& s, double, double step) {
       return std::pow(s.gamma(), step);
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
  throw Error("{}: unknown lr_policy {}{}", config.source.at("lr_policy"), in_quotes(name), choices(name, names));
}

void check_needs(const SolverConfig& config, const LrFormula& formula) {
  const SolverParameter& s = config.solver;
  for (const char* field : formula.needs) {
    const auto* descriptor = SolverParameter::descriptor()->FindFieldByName(field);
    check_field(config, "lr_policy", SolverParameter::GetReflection()->HasField(s, descriptor), "lr_policy {} needs {}",
                in_quotes(s.lr_policy()), field);
  }
}

// Rejects values for which a formula gives NaN, infinity or a useless number.
void check_values(const SolverConfig& config) {
  const SolverParameter& s = config.solver;
  const bool may_be_negative = s.lr_policy() == "sigmoid";  // a negative gamma makes the rate fall
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

void check_warmup(const SolverConfig& config) {
  const SolverParameter& s = config.solver;
  check_field(config, "warmup_iter", s.warmup_iter() >= 0, "warmup_iter is {}; it must be at least 0", s.warmup_iter());
  check_field(config, "warmup_start_lr", std::isfinite(s.warmup_start_lr()) && s.warmup_start_lr() >= 0,
              "warmup_start_lr is {}; it must be a number of at least 0", s.warmup_start_lr());
  check_field(config, "warmup_start_lr", !s.has_warmup_start_lr() || s.warmup_iter() > 0,
              "warmup_start_lr is set, but there is no warm-up: set warmup_iter");
}

void check_cosine_and_plateau(const SolverConfig& config) {
  const SolverParameter& s = config.solver;
  const bool cosine = s.lr_policy() == "cosine", plateau = s.lr_policy() == "plateau";
  const auto belongs = [&](const char* field, bool set, bool here, const char* to) {
    check_field(config, field, !set || here, "{} is an option of lr_policy {}, not of {}", field, to,
                in_quotes(s.lr_policy()));
  };
  belongs("min_lr", s.has_min_lr(), cosine || plateau, "\"cosine\" and \"plateau\"");
  belongs("period_mult", s.has_period_mult(), cosine, "\"cosine\"");
  belongs("patience", s.has_patience(), plateau, "\"plateau\"");
  check_field(config, "min_lr", std::isfinite(s.min_lr()) && s.min_lr() >= 0,
              "min_lr is {}; it must be a number of at least 0", s.min_lr());
  check_field(config, "min_lr", !(cosine || plateau) || s.min_lr() <= s.base_lr(),
              "min_lr is {}, which is above base_lr ({})", s.min_lr(), s.base_lr());
  check_field(config, "lr_policy", !cosine || s.has_stepsize() || s.has_max_iter(),
              "lr_policy \"cosine\" needs max_iter or stepsize");
  check_field(config, "stepsize", !cosine || !s.has_stepsize() || s.stepsize() > 0,
              "stepsize is {}; it must be above 0", s.stepsize());
  check_field(config, "period_mult", std::isfinite(s.period_mult()) && s.period_mult() >= 1,
              "period_mult is {}; it must be a number of at least 1", s.period_mult());
  check_field(config, "period_mult", !s.has_period_mult() || s.has_stepsize(),
              "period_mult is set, but the cosine does not restart: set stepsize, its first period");
  check_field(config, "patience", s.patience() >= 1, "patience is {}; it must be at least 1", s.patience());
  check_field(config, "gamma", !plateau || s.gamma() < 1, "gamma is {}; plateau needs it below 1", s.gamma());
}

}  // namespace

LrPolicy::LrPolicy(const SolverConfig& config) : solver_(config.solver), formula_(find_formula(config)) {
  check_needs(config, *formula_);
  check_values(config);
  check_warmup(config);
  check_cosine_and_plateau(config);
  check_finite(config);
}

// A formula's result may become infinite at some iteration, as 2^t does in iteration 128.
void LrPolicy::check_finite(const SolverConfig& config) const {
  constexpr int kParts = 1000;
  for (int i = 0; i <= kParts; ++i) {
    const int t = static_cast<int>(static_cast<long>(solver_.max_iter()) * i / kParts);
    const auto rate = static_cast<float>(rate_at(t));
    check_field(config, "lr_policy", std::isfinite(rate), "lr_policy {}: the learning rate of iteration {} is {}",
                in_quotes(solver_.lr_policy()), t, rate);
  }
}

int LrPolicy::steps_at(int iteration) const {
  if (solver_.lr_policy() == "step") return iteration / solver_.stepsize();
  if (solver_.lr_policy() != "multistep") return 0;
  const auto& values = solver_.stepvalue();
  return static_cast<int>(std::upper_bound(values.begin(), values.end(), iteration) - values.begin());
}

double LrPolicy::policy_rate(int iteration) const {
  const bool plateau = solver_.lr_policy() == "plateau";
  const double factor = formula_->factor(solver_, iteration, plateau ? drops_ : steps_at(iteration));
  const auto base = static_cast<double>(solver_.base_lr()), least = static_cast<double>(solver_.min_lr());
  if (solver_.lr_policy() == "cosine") return least + (base - least) * factor;
  return plateau ? std::max(least, base * factor) : base * factor;
}

double LrPolicy::rate_at(int iteration) const {
  const int warmup = solver_.warmup_iter();
  if (iteration >= warmup) return policy_rate(iteration);
  const auto start = static_cast<double>(solver_.warmup_start_lr());
  return start + (policy_rate(warmup) - start) * iteration / warmup;
}

float LrPolicy::rate(int iteration) {
  const int steps = steps_at(iteration);
  if (solver_.lr_policy() == "multistep" && last_step_ >= 0 && steps != last_step_) {
    CREMA_INFO("MultiStep Status: Iteration {}, step = {}", iteration, steps);
  }
  last_step_ = steps;
  return static_cast<float>(rate_at(iteration));
}

}  // namespace crema

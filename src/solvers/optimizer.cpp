#include "solvers/optimizer.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/weights.h"
#include "math/loops.h"

namespace crema {
namespace {

Decay decay_kind(const SolverParameter& s, const UpdateRule& rule) {
  const bool l1 = s.regularization_type() == "L1";
  if (s.decoupled_decay() || rule.decoupled()) return l1 ? Decay::decoupled_l1 : Decay::decoupled_l2;
  return l1 ? Decay::l1 : Decay::l2;
}

double sum_of_squares(const Parameter& parameter) {
  const real* g = parameter.diff();
  return parallel_sum(parameter.count(), 2, [g](long i) { return g[i] * g[i]; });
}

}  // namespace

Optimizer::Optimizer(const SolverConfig& config, std::vector<NetParameterInfo>& parameters)
    : solver_(config.solver),
      place_(config.source.at("clip_gradients")),
      rule_(create_update_rule(config)),
      parameters_(parameters) {
  history_.resize(static_cast<size_t>(rule_->histories()));
  for (auto& arrays : history_) {
    for (const NetParameterInfo& info : parameters_) arrays.emplace_back(moves(info) ? info.parameter->count() : 0);
  }
}

Update Optimizer::prepare(size_t i, int iteration, float rate) {
  const NetParameterInfo& info = parameters_[i];
  Update u{};
  u.iteration = iteration;
  u.rate = static_cast<real>(rate) * info.lr_mult;
  u.decay = static_cast<real>(solver_.weight_decay()) * info.decay_mult;
  u.decay_kind = decay_kind(solver_, *rule_);
  u.count = info.parameter->count();
  u.w = info.parameter->mutable_data();
  for (size_t k = 0; k < history_.size(); ++k) u.state[k] = history_[k][i].data();
  return u;
}

void Optimizer::look_ahead(int iteration, float rate) {
  if (!rule_->looks_ahead()) return;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!moves(parameters_[i])) continue;
    rule_->look_ahead(prepare(i, iteration, rate));
    parameters_[i].parameter->raise_version();
  }
}

void Optimizer::update(int iteration, float rate) {
  const auto scale = static_cast<real>(clip_factor(iteration) / solver_.iter_size());
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Parameter& parameter = *parameters_[i].parameter;
    if (moves(parameters_[i])) {
      Buffer& diff = parameter.storage()->diff;
      if (!parameter.has_diff()) {
        diff.grow(parameter.count());
        std::fill_n(diff.data(), parameter.count(), real{0});
      }
      Update u = prepare(i, iteration, rate);
      u.gradient_scale = scale;
      u.g = diff.data();
      rule_->update(u);
      parameter.raise_version();
    }
    parameter.forget_diff();
  }
}

// The norm is that of all gradients as they were summed, before iter_size divides them.
double Optimizer::clip_factor(int iteration) const {
  if (solver_.clip_gradients() < 0) return 1;
  double squares = 0;
  for (const NetParameterInfo& info : parameters_) {
    if (info.parameter->learns() && info.parameter->has_diff()) squares += sum_of_squares(*info.parameter);
  }
  const double norm = std::sqrt(squares);
  check(std::isfinite(norm),
        "{}: iteration {}: the norm of the gradients is {}, which no factor clips; the steps are probably too large: "
        "try a smaller base_lr (now {})",
        place_, iteration, norm, solver_.base_lr());
  return norm > solver_.clip_gradients() ? solver_.clip_gradients() / norm : 1;
}

void Optimizer::save(SolverState* state) const {
  state->set_type(rule_->name());
  for (const auto& arrays : history_) {
    for (size_t i = 0; i < arrays.size(); ++i) {
      const Parameter& parameter = *parameters_[i].parameter;
      const Buffer zeros(moves(parameters_[i]) ? 0 : parameter.count());
      to_proto(parameter.shape(), moves(parameters_[i]) ? arrays[i].data() : zeros.data(), state->add_history());
    }
  }
}

void Optimizer::check_histories(const SolverState& state) const {
  check(!state.has_type() || state.type() == rule_->name(),
        "the state was written by update rule \"{}\", and the solver's is \"{}\"", state.type(), rule_->name());
  const std::set<std::string> caffes = {"SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"};
  check(state.has_type() || caffes.contains(rule_->name()),
        "the state names no update rule, as Caffe's do, and Caffe has none that is called \"{}\"", rule_->name());
  const size_t expected = history_.size() * parameters_.size();
  check(static_cast<size_t>(state.history_size()) == expected,
        "the state holds {} arrays, and update rule \"{}\" keeps {} for {} parameters", state.history_size(),
        rule_->name(), expected, parameters_.size());
}

void Optimizer::restore(const SolverState& state) {
  check_histories(state);
  std::vector<std::vector<Buffer>> restored(history_.size());
  for (int h = 0; h < state.history_size(); ++h) {
    const size_t k = static_cast<size_t>(h) / parameters_.size(), i = static_cast<size_t>(h) % parameters_.size();
    const NetParameterInfo& info = parameters_[i];
    Buffer array(info.parameter->count());
    try {
      from_proto(state.history(h), info.parameter->shape(), array.data());
    } catch (const Error& error) {
      throw Error("history of layer \"{}\", parameter {}: {}", info.layer, info.index, error.what());
    }
    restored[k].push_back(moves(info) ? std::move(array) : Buffer());
  }
  history_ = std::move(restored);
}

}  // namespace crema

#include "solvers/optimizer.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/weights.h"
#include "math/loops.h"
#include "math/many.h"

namespace crema {
namespace {

Decay decay_kind(const SolverParameter& s, const UpdateRule& rule) {
  const bool l1 = s.regularization_type() == "L1";
  if (s.decoupled_decay() || rule.decoupled()) return l1 ? Decay::decoupled_l1 : Decay::decoupled_l2;
  return l1 ? Decay::l1 : Decay::l2;
}

// The part of an update with the elements from begin to end.
Update part_of(Update u, long begin, long end) {
  u.count = end - begin;
  u.w += begin;
  if (u.g != nullptr) u.g += begin;
  for (real*& state : u.state) {
    if (state != nullptr) state += begin;
  }
  return u;
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

// Nets have many small parameters besides their large ones. Waking the threads for each would take longer than the
// work, so all parameters share one loop.
template <typename Step>
void Optimizer::run(const std::vector<Update>& updates, const Step& step) const {
  if (rule_->whole()) {
    for (const Update& u : updates) step(u);
    return;
  }
  std::vector<long> counts;
  for (const Update& u : updates) counts.push_back(u.count);
  for_arrays(counts, 8, [&](size_t k, long begin, long end) { step(part_of(updates[k], begin, end)); });
}

void Optimizer::look_ahead(int iteration, float rate) {
  if (!rule_->looks_ahead()) return;
  std::vector<Update> updates;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!moves(parameters_[i])) continue;
    updates.push_back(prepare(i, iteration, rate));
    parameters_[i].parameter->raise_version();
  }
  run(updates, [&](const Update& u) { rule_->look_ahead(u); });
}

void Optimizer::update(int iteration, float rate) {
  const auto scale = static_cast<real>(clip_factor(iteration) / solver_.iter_size());
  std::vector<Update> updates;
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
      updates.push_back(u);
      parameter.raise_version();
    }
    parameter.forget_diff();
  }
  run(updates, [&](const Update& u) { rule_->update(u); });
}

// The norm is that of all gradients after summing over iter_size passes, before the division by iter_size.
double Optimizer::clip_factor(int iteration) const {
  if (solver_.clip_gradients() < 0) return 1;
  std::vector<const real*> gradients;
  std::vector<long> counts;
  for (const NetParameterInfo& info : parameters_) {
    if (!info.parameter->learns() || !info.parameter->has_diff()) continue;
    gradients.push_back(info.parameter->diff());
    counts.push_back(info.parameter->count());
  }
  const double squares = sum_arrays(counts, 2, [&](size_t k, long begin, long end) {
    return sum(begin, end, [g = gradients[k]](long i) { return g[i] * g[i]; });
  });
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
        "the state was written by update rule \"{}\", and the solver's is \"{}\": go on with that type, or start "
        "from the model beside it with --weights",
        state.type(), rule_->name());
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

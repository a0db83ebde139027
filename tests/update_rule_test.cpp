// Update rules on parameters of a known problem, J = sum of c (w - m)^2 / 2, against their formulas written here for
// one number in double precision.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "solvers/optimizer.h"
#include "support/messages.h"
#include "support/problem.h"

namespace crema {
namespace {

// The inputs of a formula for one element in one iteration.
struct Scalar {
  double w, first = 0, second = 0, third = 0;
};
struct Context {
  int t;
  double alpha;
  std::function<double(double)> gradient;  // at a point: of J and of a penalty that is a part of it
  std::function<double(double)> shrink;    // decoupled decay of w; w itself without
  double trust;                            // the whole parameter's |w| / (|gradient of J| + |that of the penalty|)
};
using Formula = void (*)(Scalar& s, const Context& c);

void sgd(Scalar& s, const Context& c) {
  s.first = 0.9 * s.first + c.alpha * c.gradient(s.w);
  s.w = c.shrink(s.w) - s.first;
}
void averaged(Scalar& s, const Context& c) {
  s.first = 0.9 * s.first + (1 - 0.9) * c.gradient(s.w);
  s.w = c.shrink(s.w) - c.alpha * s.first;
}
void corrected(Scalar& s, const Context& c) {
  s.first = 0.9 * s.first + (1 - 0.9) * c.gradient(s.w);
  s.w = c.shrink(s.w) - c.alpha * s.first / (1 - std::pow(0.9, c.t + 1));
}
void nesterov(Scalar& s, const Context& c) {
  const double v = 0.9 * s.first + c.alpha * c.gradient(s.w);
  s.w = c.shrink(s.w) - ((1 + 0.9) * v - 0.9 * s.first);
  s.first = v;
}
void averaged_nesterov(Scalar& s, const Context& c) {
  s.first = 0.9 * s.first + (1 - 0.9) * c.gradient(s.w - c.alpha * s.first);
  s.w = c.shrink(s.w) - c.alpha * s.first;
}
void adam(Scalar& s, const Context& c) {
  const double g = c.gradient(s.w);
  s.first = 0.9 * s.first + (1 - 0.9) * g;
  s.second = 0.99 * s.second + (1 - 0.99) * g * g;
  const double correction = std::sqrt(1 - std::pow(0.99, c.t + 1)) / (1 - std::pow(0.9, c.t + 1));
  s.w = c.shrink(s.w) - c.alpha * correction * s.first / (std::sqrt(s.second) + 0.05);
}

void adagrad(Scalar& s, const Context& c) {
  const double g = c.gradient(s.w);
  s.first += g * g;
  s.w = c.shrink(s.w) - c.alpha * g / (std::sqrt(s.first) + 0.05);
}
void rmsprop(Scalar& s, const Context& c) {
  const double g = c.gradient(s.w);
  s.first = 0.8 * s.first + (1 - 0.8) * g * g;
  s.w = c.shrink(s.w) - c.alpha * g / (std::sqrt(s.first) + 0.05);
}
void adadelta(Scalar& s, const Context& c) {
  const double g = c.gradient(s.w);
  s.first = 0.8 * s.first + (1 - 0.8) * g * g;
  const double step = std::sqrt(s.second + 0.05) / std::sqrt(s.first + 0.05) * g;
  s.second = 0.8 * s.second + (1 - 0.8) * step * step;
  s.w = c.shrink(s.w) - c.alpha * step;
}
void amsgrad(Scalar& s, const Context& c) {
  const double g = c.gradient(s.w);
  s.first = 0.9 * s.first + (1 - 0.9) * g;
  s.second = 0.5 * s.second + (1 - 0.5) * g * g;
  s.third = std::max(s.third, s.second);
  const double correction = std::sqrt(1 - std::pow(0.5, c.t + 1)) / (1 - std::pow(0.9, c.t + 1));
  s.w = c.shrink(s.w) - c.alpha * correction * s.first / (std::sqrt(s.third) + 0.05);
}
void lion(Scalar& s, const Context& c) {
  const double g = c.gradient(s.w), seen = 0.9 * s.first + (1 - 0.9) * g;
  s.first = 0.7 * s.first + (1 - 0.7) * g;
  s.w = c.shrink(s.w) - c.alpha * (seen > 0 ? 1 : seen < 0 ? -1 : 0);
}
void lars(Scalar& s, const Context& c) {
  s.first = 0.9 * s.first + c.alpha * 0.2 * c.trust * c.gradient(s.w);
  s.w = c.shrink(s.w) - s.first;
}

struct Rule {
  const char* name;
  const char* text;
  Formula formula;
  bool always_decoupled = false;
};
const Rule kRules[] = {
    {"sgd", "type: 'SGD' momentum: 0.9", sgd},
    {"momentum", "type: 'Momentum' momentum: 0.9", averaged},
    {"corrected", "type: 'Momentum' momentum: 0.9 bias_correction: true", corrected},
    {"nesterov", "type: 'Nesterov' momentum: 0.9", nesterov},
    {"averaged_nesterov", "type: 'Nesterov' momentum: 0.9 averaged: true", averaged_nesterov},
    {"adam", "type: 'Adam' momentum: 0.9 momentum2: 0.99 delta: 0.05", adam},
    {"adamw", "type: 'AdamW' momentum: 0.9 momentum2: 0.99 delta: 0.05", adam, true},
    {"amsgrad", "type: 'AMSGrad' momentum: 0.9 momentum2: 0.5 delta: 0.05", amsgrad},
    {"adagrad", "type: 'AdaGrad' delta: 0.05", adagrad},
    {"rmsprop", "type: 'RMSProp' rms_decay: 0.8 delta: 0.05", rmsprop},
    {"adadelta", "type: 'AdaDelta' momentum: 0.8 delta: 0.05", adadelta},
    {"lion", "type: 'Lion' momentum: 0.9 momentum2: 0.7", lion, true},
    {"lars", "type: 'LARS' momentum: 0.9 trust: 0.2", lars},
};

double sign(double w) { return w > 0 ? 1 : w < 0 ? -1 : 0; }

void run_and_compare(const Rule& rule, bool l1, bool decoupled) {
  std::string decay = fmt::format(" weight_decay: {} regularization_type: '{}'", Problem::kLambda, l1 ? "L1" : "L2");
  if (!rule.always_decoupled) decay += fmt::format(" decoupled_decay: {}", decoupled);
  Problem problem;
  problem.add(7, 1, 1);
  problem.add(5000, 2, 0.5);  // large enough for two threads
  Optimizer optimizer(solver_config(rule.text + decay), problem.infos);
  std::vector<std::vector<Scalar>> expected;
  for (const NetParameterInfo& info : problem.infos) {
    auto& scalars = expected.emplace_back();
    for (long i = 0; i < info.parameter->count(); ++i) scalars.push_back({Problem::start(i)});
  }
  for (int t = 0; t < 12; ++t) {
    const auto rate = static_cast<float>(Problem::rate(t));
    optimizer.look_ahead(t, rate);
    problem.add_gradients();
    optimizer.update(t, rate);
    for (size_t p = 0; p < expected.size(); ++p) {
      const NetParameterInfo& info = problem.infos[p];
      const double alpha = Problem::rate(t) * info.lr_mult, lambda = Problem::kLambda * info.decay_mult;
      double off = 0, weights = 0, slopes = 0, penalties = 0;
      for (size_t i = 0; i < expected[p].size(); ++i) {
        const double w = expected[p][i].w, penalty = decoupled ? 0 : lambda * (l1 ? sign(w) : w);
        weights += w * w;
        slopes += std::pow(Problem::slope(w, static_cast<long>(i)), 2);
        penalties += penalty * penalty;
      }
      const double trust = std::sqrt(weights) / (std::sqrt(slopes) + std::sqrt(penalties));
      for (size_t i = 0; i < expected[p].size(); ++i) {
        const auto penalty = [&](double w) { return lambda * (l1 ? sign(w) : w); };
        const auto gradient = [&](double w) {
          return Problem::slope(w, static_cast<long>(i)) + (decoupled ? 0 : penalty(w));
        };
        const auto shrink = [&](double w) { return decoupled ? w - alpha * penalty(w) : w; };
        rule.formula(expected[p][i], {t, alpha, gradient, shrink, trust});
        off = std::max(off, std::abs(static_cast<double>(info.parameter->data()[i]) - expected[p][i].w));
      }
      ASSERT_LT(off, 1e-5) << "iteration " << t << ", parameter " << p;
    }
  }
}

TEST(UpdateRule, follows_its_formula_with_every_kind_of_decay) {
  for (const Rule& rule : kRules) {
    for (const bool l1 : {false, true}) {
      for (const bool decoupled : {false, true}) {
        if (rule.always_decoupled && !decoupled) continue;
        SCOPED_TRACE(fmt::format("{}, {}{}", rule.name, l1 ? "L1" : "L2", decoupled ? ", decoupled" : ""));
        run_and_compare(rule, l1, decoupled);
      }
    }
  }
}

TEST(UpdateRule, bias_correction_makes_the_first_step_a_full_one) {
  Problem problem;
  problem.add(3, 1, 1);
  Optimizer optimizer(solver_config("type: 'Momentum' momentum: 0.99 bias_correction: true"), problem.infos);
  problem.add_gradients();
  optimizer.update(0, 0.5f);
  for (long i = 0; i < 3; ++i) {
    const double w = Problem::start(i);
    EXPECT_NEAR(problem.infos[0].parameter->data()[i], w - 0.5 * Problem::slope(w, i), 1e-5);
  }
}

TEST(UpdateRule, lars_moves_a_parameter_that_starts_at_zero) {
  Problem problem;
  problem.add(2, 1, 1);
  Parameter& p = *problem.infos[0].parameter;
  for (long i = 0; i < 2; ++i) p.mutable_data()[i] = 0;
  Optimizer optimizer(solver_config("type: 'LARS' weight_decay: 0.1"), problem.infos);
  p.beta();
  for (long i = 0; i < 2; ++i) p.mutable_diff()[i] = 3;
  optimizer.update(0, 0.5f);
  for (long i = 0; i < 2; ++i) EXPECT_EQ(p.data()[i], -1.5f);
}

TEST(UpdateRule, refuses_what_it_does_not_have) {
  const auto refusal = [](const std::string& text) {
    return message_of([&] { create_update_rule(parse_solver(text, "s.prototxt")); });
  };
  EXPECT_EQ(refusal("type: 'AdaGrad'\nmomentum: 0.9"),
            "s.prototxt:2:1: momentum is 0.9, but type \"AdaGrad\" has none; leave it out");
  EXPECT_EQ(refusal("type: 'RMSProp'\nmomentum: 0.9"),
            "s.prototxt:2:1: momentum is 0.9, but type \"RMSProp\" has none; leave it out");
  EXPECT_EQ(refusal("type: 'RMSProp'\nmomentum: 0"), "no error");
  EXPECT_EQ(refusal("type: 'RMSProp'\nrms_decay: 1"),
            "s.prototxt:2:1: rms_decay is 1; it must be at least 0 and below 1");
  EXPECT_EQ(refusal("type: 'AdamW'\ndecoupled_decay: false"),
            "s.prototxt:2:1: decoupled_decay is false, but type \"AdamW\" decays decoupled by its nature; leave the "
            "field out");
  EXPECT_EQ(refusal("type: 'Lion'\ndecoupled_decay: true"), "no error");
  EXPECT_EQ(refusal("type: 'LARS'\ntrust: 0"), "s.prototxt:2:1: trust is 0; it must be a number above 0");
}

// Between iterations the parameter is w, not the point ahead of it.
TEST(UpdateRule, averaged_nesterov_moves_ahead_for_the_gradient_alone) {
  Problem problem;
  problem.add(2, 1, 0);
  Optimizer optimizer(solver_config("type: 'Nesterov' momentum: 0.5 averaged: true"), problem.infos);
  Parameter& p = *problem.infos[0].parameter;
  problem.add_gradients();
  optimizer.update(0, 0.1f);
  const double w = p.data()[0], u = 0.5 * Problem::slope(Problem::start(0), 0);
  const uint64_t version = p.version();
  optimizer.look_ahead(1, 0.3f);
  EXPECT_NEAR(p.data()[0], w - 0.3 * u, 1e-6);
  EXPECT_GT(p.version(), version);
}

}  // namespace
}  // namespace crema

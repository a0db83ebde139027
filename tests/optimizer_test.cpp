// What an optimizer does around its rule: frozen parameters, missing gradients, clipping, iter_size.
#include <gtest/gtest.h>

#include <cmath>

#include "solvers/optimizer.h"
#include "support/messages.h"
#include "support/problem.h"

namespace crema {
namespace {

TEST(Optimizer, leaves_frozen_parameters_alone) {
  Problem problem;
  problem.add(4, 0, 1);
  problem.add(4, 1, 1);
  problem.infos[1].parameter->set_learns(false);
  Optimizer optimizer(solver_config("type: 'SGD' momentum: 0.9 weight_decay: 0.5"), problem.infos);
  problem.add_gradients();
  optimizer.update(0, 0.5f);
  for (const NetParameterInfo& info : problem.infos) {
    for (long i = 0; i < 4; ++i) EXPECT_EQ(info.parameter->data()[i], static_cast<real>(Problem::start(i)));
  }
}

TEST(Optimizer, raises_versions_and_forgets_diffs) {
  Problem problem;
  problem.add(4, 1, 1);
  Optimizer optimizer(solver_config("type: 'SGD'"), problem.infos);
  const uint64_t version = problem.infos[0].parameter->version();
  problem.add_gradients();
  optimizer.update(0, 0.5f);
  EXPECT_GT(problem.infos[0].parameter->version(), version);
  EXPECT_FALSE(problem.infos[0].parameter->has_diff());
}

TEST(Optimizer, takes_a_missing_gradient_for_zero) {
  Problem problem;
  problem.add(4, 1, 1);
  Optimizer optimizer(solver_config("type: 'SGD' momentum: 0.5 weight_decay: 0.1"), problem.infos);
  problem.add_gradients();
  optimizer.update(0, 0.5f);
  const Parameter& p = *problem.infos[0].parameter;
  const double before = p.data()[1], v = Problem::start(1) - before;
  optimizer.update(1, 0.5f);
  EXPECT_NEAR(p.data()[1], before - (0.5 * v + 0.5 * 0.1 * before), 1e-6);
}

// Two parameters, one element each: the gradient's norm is 5 with both.
struct Clipping {
  Problem problem;
  explicit Clipping(const std::string& text) {
    problem.add(1, 1, 1);
    problem.add(1, 1, 1);
    Optimizer optimizer(solver_config("type: 'SGD' " + text), problem.infos);
    const real gradients[] = {3, -4};
    for (size_t p = 0; p < 2; ++p) {
      problem.infos[p].parameter->beta();
      problem.infos[p].parameter->mutable_diff()[0] = gradients[p];
    }
    optimizer.update(0, 1);
  }
  double step(size_t p) const { return Problem::start(0) - problem.infos[p].parameter->data()[0]; }
};

TEST(Optimizer, clips_to_the_norm_of_all_gradients) {
  const Clipping clipped("clip_gradients: 2.5");
  EXPECT_NEAR(clipped.step(0), 1.5, 1e-6);
  EXPECT_NEAR(clipped.step(1), -2, 1e-6);
  EXPECT_NEAR(Clipping("clip_gradients: 5.5").step(0), 3, 1e-6);
  EXPECT_NEAR(Clipping("").step(0), 3, 1e-6);
}

TEST(Optimizer, clips_the_sum_before_iter_size_divides_it) {
  EXPECT_NEAR(Clipping("clip_gradients: 2.5 iter_size: 2").step(0), 0.75, 1e-6);
  EXPECT_NEAR(Clipping("clip_gradients: 5.5 iter_size: 2").step(0), 1.5, 1e-6);
}

TEST(Optimizer, clips_before_the_penalty_is_added) {
  EXPECT_NEAR(Clipping("clip_gradients: 2.5 weight_decay: 0.1").step(0), 1.5 + 0.1 * Problem::start(0), 1e-6);
}

TEST(Optimizer, refuses_to_clip_what_is_not_finite) {
  Problem problem;
  problem.add(2, 1, 1);
  Optimizer optimizer(solver_config("type: 'SGD' clip_gradients: 1"), problem.infos);
  problem.infos[0].parameter->beta();
  problem.infos[0].parameter->mutable_diff()[0] = INFINITY;
  problem.infos[0].parameter->mutable_diff()[1] = 0;
  EXPECT_EQ(message_of([&] { optimizer.update(0, 1); }),
            "solver.prototxt:1:26: iteration 0: the norm of the gradients is inf, which no factor clips; the steps are "
            "probably "
            "too large: try a smaller base_lr (now 0.1)");
}

TEST(Optimizer, means_the_gradients_of_iter_size_passes) {
  Problem once, twice;
  once.add(5, 1, 1);
  twice.add(5, 1, 1);
  Optimizer a(solver_config("type: 'Adam' momentum: 0.9 weight_decay: 0.1"), once.infos);
  Optimizer b(solver_config("type: 'Adam' momentum: 0.9 weight_decay: 0.1 iter_size: 2"), twice.infos);
  once.add_gradients();
  a.update(0, 0.1f);
  twice.add_gradients(0.5);
  twice.add_gradients(1.5);
  b.update(0, 0.1f);
  for (long i = 0; i < 5; ++i) {
    EXPECT_NEAR(once.infos[0].parameter->data()[i], twice.infos[0].parameter->data()[i], 1e-6);
  }
}

}  // namespace
}  // namespace crema

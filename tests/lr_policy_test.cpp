// Learning rates that crema has beside Caffe's: warm-up, cosine, plateau, against numbers worked out by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "solvers/lr_policy.h"
#include "support/messages.h"

namespace crema {
namespace {

LrPolicy policy(const std::string& text) { return LrPolicy(parse_solver(text, "s.prototxt")); }

void expect_rates(const std::string& text, const std::vector<std::pair<int, double>>& rates) {
  LrPolicy rate = policy(text);
  for (const auto& [t, expected] : rates) EXPECT_NEAR(rate.rate(t), expected, 1e-6) << text << ", iteration " << t;
}

TEST(LrPolicy, cosine_falls_from_base_lr_to_min_lr) {
  expect_rates("lr_policy: 'cosine' base_lr: 0.4 max_iter: 12",
               {{0, 0.4}, {3, 0.34142136}, {4, 0.3}, {6, 0.2}, {8, 0.1}, {12, 0}, {40, 0}});
  expect_rates("lr_policy: 'cosine' base_lr: 0.5 min_lr: 0.1 max_iter: 12",
               {{0, 0.5}, {4, 0.4}, {6, 0.3}, {8, 0.2}, {12, 0.1}});
  expect_rates("lr_policy: 'cosine' base_lr: 0.5 max_iter: 0", {{0, 0.5}});
}

TEST(LrPolicy, cosine_restarts) {
  expect_rates("lr_policy: 'cosine' base_lr: 0.4 stepsize: 4 max_iter: 100",
               {{0, 0.4}, {2, 0.2}, {4, 0.4}, {6, 0.2}, {98, 0.2}, {100, 0.4}});
  // Periods of 4, 8 and 16 iterations: they begin at 0, 4, 12 and 28.
  expect_rates("lr_policy: 'cosine' base_lr: 0.4 stepsize: 4 period_mult: 2 max_iter: 100",
               {{2, 0.2}, {4, 0.4}, {8, 0.2}, {12, 0.4}, {20, 0.2}, {28, 0.4}});
}

// Periods that hardly grow: after 2^31 iterations there have been forty-six million.
TEST(LrPolicy, cosine_finds_its_period_at_once) {
  LrPolicy rate = policy("lr_policy: 'cosine' base_lr: 0.4 stepsize: 1 period_mult: 1.0000001 max_iter: 2147483647");
  for (const int t : {0, 1, 1000, 2147483646}) {
    EXPECT_GE(rate.rate(t), 0);
    EXPECT_LE(rate.rate(t), 0.4f);
  }
  // Skipping many periods at once gives the same as going through them one by one; period k has 100 * 1.001^k
  // iterations.
  LrPolicy slow = policy("lr_policy: 'cosine' base_lr: 1 stepsize: 100 period_mult: 1.001 max_iter: 1000000");
  double begin = 0, length = 100;
  for (int k = 0; k < 2000; ++k) {
    begin += length;
    length *= static_cast<double>(1.001f);
  }
  const int t = static_cast<int>(begin + length / 2);
  EXPECT_NEAR(slow.rate(t), (1 + std::cos(M_PI * (t - begin) / length)) / 2, 1e-4);
  expect_rates("lr_policy: 'poly' base_lr: 0.5 power: 1 max_iter: 0", {{0, 0.5}});
}

TEST(LrPolicy, plateau_drops_as_often_as_it_is_told) {
  LrPolicy rate = policy("lr_policy: 'plateau' base_lr: 0.4 gamma: 0.5 min_lr: 0.08 monitor: 'accuracy' max_iter: 9");
  const float expected[] = {0.4f, 0.2f, 0.1f, 0.08f, 0.08f};
  for (int drops = 0; drops < 5; ++drops) {
    rate.set_drops(drops);
    EXPECT_NEAR(rate.rate(5), expected[drops], 1e-7) << drops;
  }
  rate.set_drops(1);
  EXPECT_NEAR(rate.rate(5), 0.2, 1e-7);
  EXPECT_EQ(rate.steps_at(5), 0);
}

TEST(LrPolicy, warm_up_leads_to_the_policy_in_a_line) {
  expect_rates("lr_policy: 'fixed' base_lr: 0.4 max_iter: 9 warmup_iter: 4",
               {{0, 0}, {1, 0.1}, {2, 0.2}, {3, 0.3}, {4, 0.4}, {5, 0.4}});
  expect_rates("lr_policy: 'fixed' base_lr: 0.4 max_iter: 9 warmup_iter: 4 warmup_start_lr: 0.8",
               {{0, 0.8}, {1, 0.7}, {4, 0.4}});
  // Warm-up leads to the policy's rate at its end, not to base_lr.
  expect_rates("lr_policy: 'step' base_lr: 0.4 gamma: 0.5 stepsize: 3 max_iter: 9 warmup_iter: 4",
               {{0, 0}, {3, 0.15}, {4, 0.2}, {6, 0.1}});
  LrPolicy rate = policy("lr_policy: 'plateau' base_lr: 0.4 gamma: 0.5 monitor: 'a' max_iter: 9 warmup_iter: 4");
  rate.set_drops(1);
  EXPECT_NEAR(rate.rate(2), 0.1, 1e-7);
}

TEST(LrPolicy, warm_up_ends_without_a_jump) {
  for (const char* text : {"'fixed'", "'step' gamma: 0.5 stepsize: 20000", "'multistep' gamma: 0.5 stepvalue: 20000",
                           "'exp' gamma: 0.9999", "'inv' gamma: 0.0001 power: 0.75", "'poly' power: 2",
                           "'sigmoid' gamma: -0.001 stepsize: 2000", "'cosine'",
                           "'cosine' stepsize: 5000 period_mult: 1.5", "'plateau' gamma: 0.5 monitor: 'a'"}) {
    LrPolicy rate = policy(std::string("base_lr: 1 max_iter: 10000 warmup_iter: 4000 lr_policy: ") + text);
    const double before = rate.rate(3999), at = rate.rate(4000), after = rate.rate(4001);
    EXPECT_LT(std::abs(at - before), 1e-3) << text;
    EXPECT_LT(std::abs(after - at), 1e-3) << text;
    EXPECT_GT(at, 0.09) << text;
  }
}

TEST(LrPolicy, says_what_is_wrong) {
  const struct {
    const char *text, *message;
  } rows[] = {
      {"'fixed'\nwarmup_iter: -1", "2:1: warmup_iter is -1; it must be at least 0"},
      {"'fixed' warmup_iter: 2\nwarmup_start_lr: nan",
       "2:1: warmup_start_lr is nan; it must be a number of at least 0"},
      {"'fixed'\nwarmup_start_lr: 0.1", "2:1: warmup_start_lr is set, but there is no warm-up: set warmup_iter"},
      {"'fixed'\nmin_lr: 0.1", "2:1: min_lr is an option of lr_policy \"cosine\" and \"plateau\", not of \"fixed\""},
      {"'fixed'\npatience: 3", "2:1: patience is an option of lr_policy \"plateau\", not of \"fixed\""},
      {"'fixed'\nperiod_mult: 3", "2:1: period_mult is an option of lr_policy \"cosine\", not of \"fixed\""},
      {"'cosine'\nmin_lr: -0.1", "2:1: min_lr is -0.1; it must be a number of at least 0"},
      {"'cosine'\nmin_lr: 0.7", "2:1: min_lr is 0.7, which is above base_lr (0.5)"},
      {"'cosine'\nstepsize: 0", "2:1: stepsize is 0; it must be above 0"},
      {"'cosine' stepsize: 2\nperiod_mult: 0.5", "2:1: period_mult is 0.5; it must be a number of at least 1"},
      {"'cosine'\nperiod_mult: 2",
       "2:1: period_mult is set, but the cosine does not restart: set stepsize, its first period"},
      {"'plateau' gamma: 0.1", "1:1: lr_policy \"plateau\" needs monitor"},
      {"'plateau' monitor: 'a'", "1:1: lr_policy \"plateau\" needs gamma"},
      {"'plateau' gamma: 0.1 monitor: 'a'\npatience: 0", "2:1: patience is 0; it must be at least 1"},
      {"'plateau' monitor: 'a'\ngamma: 1.5", "2:1: gamma is 1.5; plateau needs it below 1"},
      {"'exp' gamma: 2", "1:1: lr_policy \"exp\": the learning rate of iteration 129 is inf"},
  };
  for (const auto& row : rows) {
    const std::string text = std::string("lr_policy: ") + row.text + "\nbase_lr: 0.5 max_iter: 1000";
    EXPECT_EQ(message_of([&] { policy(text); }), std::string("s.prototxt:") + row.message) << text;
  }
}

}  // namespace
}  // namespace crema

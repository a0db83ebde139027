// When a training goes wrong: where a number that is not finite came from; and the short runs that find faults early.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "core/not_finite.h"
#include "solvers/trial.h"
#include "support/data_files.h"
#include "support/messages.h"
#include "support/nets.h"
#include "support/training.h"

namespace crema {
namespace {

SolverConfig config(const std::string& text) { return parse_solver(text, "solver.prototxt"); }

// x -> ip (1 x 1, so y = w x) -> loss (y - t)^2 / 2 per item.
std::string line_net(const std::string& layer_above = "") {
  return input_text("x", {4, 2}) + input_text("t", {4, 2}) +
         "layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 2 bias_term: "
         "false weight_filler { type: 'constant' value: 1 } } }" +
         layer_above + "layer { name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 't' top: 'loss' }";
}

std::optional<NotFinite> found_in(Net& net) {
  net.forward();
  if (net.has_backward()) net.backward();
  return find_not_finite(net);
}

TEST(NotFinite, nothing_is_found_where_all_is_well) {
  const auto net = net_of(line_net());
  fill_input(*net, "x");
  fill_input(*net, "t");
  EXPECT_FALSE(found_in(*net).has_value());
}

TEST(NotFinite, is_found_in_data_first) {
  const auto net = net_of(line_net());
  fill_input(*net, "x");
  fill_input(*net, "t");
  net->input("x").mutable_data()[5] = NAN;
  const auto found = found_in(*net);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->where, NotFinite::data);
  EXPECT_EQ(found->what, "blob \"x\", top of layer \"x\" (Input), is nan at element 5 of 8 (item 2 of the minibatch)");
}

TEST(NotFinite, is_found_in_a_parameter_before_its_layer_runs) {
  const auto net = net_of(line_net());
  fill_input(*net, "x");
  fill_input(*net, "t");
  net->layer(net->layer_index("ip")).parameters()[0].mutable_data()[3] = -INFINITY;
  const auto found = found_in(*net);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->where, NotFinite::parameter);
  EXPECT_EQ(found->what, "parameter 0 of layer \"ip\" is -inf at element 3 of 4");
}

TEST(NotFinite, is_found_in_the_first_blob_that_has_it) {
  const auto net =
      net_of(line_net("layer { name: 'p' type: 'Power' bottom: 'y' top: 'y' power_param { power: 0.5 } }"));
  set_input(*net, "x", {1, 1, 1, 1, -1, -1, 1, 1});
  fill_input(*net, "t");
  const auto found = found_in(*net);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->where, NotFinite::blob);
  EXPECT_EQ(found->what, "blob \"y\", top of layer \"p\" (Power), is nan at element 4 of 8 (item 2 of the minibatch)");
}

// The square root of 0 is finite, and its slope is not.
TEST(NotFinite, is_found_in_a_gradient) {
  const auto net =
      net_of(line_net("layer { name: 'p' type: 'Power' bottom: 'y' top: 'z' power_param { power: 0.5 } }"
                      "layer { name: 'end' type: 'EuclideanLoss' bottom: 'z' bottom: 't' top: 'end' }"));
  set_input(*net, "x", {1, 1, 1, 1, 0, 0, 1, 1});
  set_input(*net, "t", {2, 2, 2, 2, 2, 2, 2, 2});
  const auto found = found_in(*net);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->where, NotFinite::gradient);
  EXPECT_NE(found->what.find("the gradient of blob \"y\", bottom of layer \"p\" (Power), is"), std::string::npos)
      << found->what;
}

// Repeating a pass must not count as one: running statistics, data positions and random numbers stay.
TEST(NotFinite, the_search_leaves_no_trace) {
  const std::string text = digits_solver("random_seed: 3");
  Solver looked(config(text)), other(config(text));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(looked.step(1), other.step(1)) << i;
    EXPECT_FALSE(find_not_finite(looked.net()).has_value());
    for (const NetParameterInfo& info : looked.net().parameters()) info.parameter->forget_diff();
  }
}

TEST(Trouble, bad_data_end_a_training_with_their_place) {
  const TempFolder folder;
  const std::string net = digits_net();
  std::string bad = net;
  bad.replace(bad.find("scale: 0.00390625"), 17, "scale: 1e38 mean_value: -1e38");
  const std::string message = message_of([&] { Solver(config(digits_solver("random_seed: 1", bad))).step(2); });
  EXPECT_NE(message.find("iteration 0: the loss is "), std::string::npos) << message;
  EXPECT_NE(message.find("first, blob \"data\", top of layer \"data\" (Data), is inf at element"), std::string::npos)
      << message;
  EXPECT_NE(message.find("the input data contain it: check that record and transform_param.scale"), std::string::npos)
      << message;
}

TEST(Trouble, a_test_net_with_other_parameter_shapes_is_refused_at_once) {
  std::string net = digits_net();
  net +=
      R"(layer { name: "ip3" type: "InnerProduct" bottom: "data" top: "ip3" include { phase: TRAIN } inner_product_param { num_output: 3 } }
            layer { name: "ip3" type: "InnerProduct" bottom: "data" top: "ip3" include { phase: TEST } inner_product_param { num_output: 4 } })";
  const std::string message = message_of([&] { Solver(config(digits_solver("test_iter: 1 test_interval: 2", net))); });
  EXPECT_NE(message.find("layer \"ip3\" (InnerProduct): parameter 0 has shape 4 784, but 3 784 in the net that it "
                         "shares it with"),
            std::string::npos)
      << message;
}

TEST(DryRun, writes_nothing_and_shortens_the_tests) {
  const TempFolder folder;
  const std::string text =
      digits_solver(fmt::format("snapshot: 1 test_iter: 50 test_interval: 100 snapshot_prefix: '{}'", folder / "s"));
  const std::string log = log_of([&] { dry_run(config(text), {}); });
  EXPECT_NE(log.find("Iteration 2, Testing net (#0)"), std::string::npos) << log;
  EXPECT_TRUE(std::filesystem::is_empty(folder / ""));
}

TEST(DryRun, finds_what_training_would_find_later) {
  EXPECT_EQ(message_of([] { dry_run(config(digits_solver("snapshot_prefix: 'no/such/place'")), {}); }),
            "solver.prototxt:5:1: snapshots go to folder \"no/such\", which does not exist");
}

TEST(Overfit, a_net_that_can_learn_learns_a_few_records) {
  const auto result =
      overfit(config(digits_solver("max_iter: 400 random_seed: 1 momentum: 0.9 base_lr: 0.02 test_interval: 5 "
                                   "test_iter: 1 test_state { stage: 'x' } monitor: 'accuracy' early_stop: 1")),
              {}, 20);
  EXPECT_TRUE(result.learned) << result.last;
  EXPECT_LT(result.last, 0.05 * result.first);
  EXPECT_LT(result.iterations, 400);
}

// The loss depends only on the bias: the 10 outputs do not depend on the image.
TEST(Overfit, a_net_that_sees_nothing_does_not) {
  std::string net = digits_net();
  net.replace(net.find("num_output: 16 weight_filler { type: \"xavier\" }"), 47, "num_output: 16");
  net.replace(net.find("name: \"ip1\" type: \"InnerProduct\""), 32,
              "name: \"ip1\" type: \"InnerProduct\" param { lr_mult: 0 } param { lr_mult: 0 }");
  const auto result = overfit(config(digits_solver("max_iter: 60 random_seed: 1 base_lr: 0.1", net)), {}, 20);
  EXPECT_FALSE(result.learned);
  EXPECT_EQ(result.iterations, 60);
}

TEST(Overfit, says_which_data_it_cannot_choose_from) {
  std::string net = digits_net();
  net =
      "layer { name: 'noise' type: 'DummyData' top: 'noise' dummy_data_param { shape { dim: 2 } } }"
      "layer { name: 'quiet' type: 'Silence' bottom: 'noise' }" +
      net;
  const std::string message = message_of([&] { overfit(config(digits_solver("", net)), {}, 20); });
  EXPECT_TRUE(
      message.ends_with("layer \"noise\" (DummyData): has no records of which the first 20 could be taken; this "
                        "works with Data and HDF5Data"))
      << message;
}

}  // namespace
}  // namespace crema

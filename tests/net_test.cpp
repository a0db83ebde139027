// Net's rules for losses and gradients, on nets small enough to be worked out by hand.
#include <gtest/gtest.h>

#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

using Values = std::vector<float>;

// A Power layer that multiplies: its gradient is the factor.
std::string times(const std::string& bottom, const std::string& top, double factor, const std::string& more = "") {
  return fmt::format(
      "layer {{ name: '{1}_of_{0}' type: 'Power' bottom: '{0}' top: '{1}' power_param {{ scale: {2} }} {3} }}\n",
      bottom, top, factor, more);
}

Values values_of(const real* from, long count) { return from == nullptr ? Values() : Values(from, from + count); }
Values data_of(const Net& net, const std::string& name) {
  return values_of(net.value(name).data(), net.value(name).count());
}
Values diff_of_input(Net& net, const std::string& name) {
  return values_of(net.input(name).diff(), net.input(name).count());
}

// --- losses ----------------------------------------------------------------------------------------------------------

TEST(Loss, AnyTopMayHaveAWeight) {
  const auto net = net_of("force_backward: true " + input_text("x", {3}) + times("x", "y", 2, "loss_weight: 0.5"));
  set_input(*net, "x", {1, 2, 4});
  EXPECT_EQ(net->forward(), 7);  // 0.5 * (2 + 4 + 8)
  net->backward();
  EXPECT_EQ(diff_of_input(*net, "x"), Values({1, 1, 1}));
}

TEST(Loss, WeightCountsAlsoWhereOthersRead) {
  const auto net = net_of("force_backward: true " + input_text("x", {2}) + times("x", "y", 1, "loss_weight: 2") +
                          times("y", "z", 3, "loss_weight: 1") + times("y", "u", 10, "loss_weight: -1"));
  set_input(*net, "x", {1, 2});
  EXPECT_EQ(net->forward(), 2 * 3 + 3 * 3 - 10 * 3);
  net->backward();
  EXPECT_EQ(diff_of_input(*net, "x"), Values({2 + 3 - 10, 2 + 3 - 10}));
}

TEST(Loss, WeightOfAnInPlaceTop) {
  const auto net = net_of("force_backward: true " + input_text("x", {2}) + times("x", "y", 3, "loss_weight: 2") +
                          times("y", "y", 5, "loss_weight: 1"));
  set_input(*net, "x", {1, 2});
  EXPECT_EQ(net->forward(), 2 * 9 + 45);
  net->backward();
  EXPECT_EQ(diff_of_input(*net, "x"), Values({3 * (2 + 5), 3 * (2 + 5)}));
}

TEST(Loss, LayerWithoutANamedTop) {
  const auto net = net_of("force_backward: true " + input_text("a", {2, 1}) + input_text("b", {2, 1}) +
                          "layer { name: 'distance' type: 'EuclideanLoss' bottom: 'a' bottom: 'b' }");
  set_input(*net, "a", {1, 5});
  set_input(*net, "b", {3, 1});
  EXPECT_EQ(net->forward(), 5);  // (4 + 16) / (2 * 2)
  ASSERT_EQ(net->outputs().size(), 1u);
  EXPECT_EQ(net->outputs()[0].name, "distance");
  EXPECT_EQ(net->outputs()[0].loss_weight, 1);
  net->backward();
  EXPECT_EQ(diff_of_input(*net, "a"), Values({-1, 2}));
  EXPECT_EQ(diff_of_input(*net, "b"), Values({1, -2}));
}

TEST(Loss, WeightZeroIsNoLoss) {
  const auto net = net_of(input_text("a", {2, 1}) + input_text("b", {2, 1}) +
                          "layer { name: 'l' type: 'EuclideanLoss' bottom: 'a' bottom: 'b' top: 'l' loss_weight: 0 }");
  set_input(*net, "a", {1, 5});
  set_input(*net, "b", {3, 1});
  EXPECT_EQ(net->forward(), 0);
  EXPECT_EQ(data_of(*net, "l"), Values({5}));
}

TEST(Loss, OutputsAreWhatNobodyReads) {
  const auto net = net_of(input_text("x", {2}) + times("x", "a", 1) + times("a", "b", 1) + times("a", "c", 1) +
                          "layer { name: 'quiet' type: 'Silence' bottom: 'c' }");
  ASSERT_EQ(net->outputs().size(), 1u);
  EXPECT_EQ(net->outputs()[0].name, "b");
  EXPECT_EQ(net->outputs()[0].loss_weight, 0);
}

// --- where gradients go ----------------------------------------------------------------------------------------------

TEST(Gradients, OfSeveralReadersAreSummed) {
  NetOptions options;
  options.output_diffs = {"a", "b", "c"};
  const auto net = net_of("force_backward: true " + input_text("x", {2}) + times("x", "y", 1) + times("y", "a", 2) +
                              times("y", "b", -5) + times("y", "c", 1),
                          options);
  set_input(*net, "x", {1, 1});
  net->forward();
  const std::map<std::string, Values> diffs = {{"a", {1, 10}}, {"b", {1, 20}}, {"c", {1, 30}}};
  for (const auto& [name, diff] : diffs) {
    std::copy(diff.begin(), diff.end(), net->output_diff(name).mutable_diff());
  }
  net->backward();
  EXPECT_EQ(diff_of_input(*net, "x"), Values({2 - 5 + 1, 20 - 100 + 30}));
}

TEST(Gradients, OfALayerThatReadsAValueTwice) {
  const auto net = net_of("force_backward: true " + input_text("x", {2}) + times("x", "y", 1) +
                          "layer { name: 'square' type: 'Eltwise' bottom: 'y' bottom: 'y' top: 'z' loss_weight: 1 "
                          "eltwise_param { operation: PROD } }");
  set_input(*net, "x", {3, -4});
  EXPECT_EQ(net->forward(), 25);
  net->backward();
  EXPECT_EQ(diff_of_input(*net, "x"), Values({6, -8}));
}

// The diff of a top that leads to no loss is zero, not whatever is in memory.
TEST(Gradients, OfTopsThatNothingDifferentiatesAreZero) {
  for (const bool plan : {true, false}) {
    NetOptions options;
    options.plan = plan;
    const auto net = net_of("force_backward: true " + input_text("x", {2}) +
                                "layer { name: 'split' type: 'Split' bottom: 'x' top: 'a' top: 'b' }" +
                                times("a", "c", 7, "loss_weight: 1") + times("b", "d", 100),
                            options);
    set_input(*net, "x", {1, 1});
    for (int pass = 0; pass < 2; ++pass) {
      net->forward();
      net->backward();
      EXPECT_EQ(diff_of_input(*net, "x"), Values({7, 7})) << (plan ? "planned" : "not planned");
    }
  }
}

// x -> ip1 -> ip2 -> loss, all weights 1.
std::string two_products(const std::string& ip1 = "", const std::string& ip2 = "", const std::string& net = "") {
  const std::string one = "inner_product_param { num_output: 1 bias_term: false weight_filler { value: 1 } }";
  return net + input_text("x", {1, 2}) + "layer { name: 'ip1' type: 'InnerProduct' bottom: 'x' top: 'h' " + one + ip1 +
         " } layer { name: 'ip2' type: 'InnerProduct' bottom: 'h' top: 'y' loss_weight: 1 " + one + ip2 + " }";
}

struct Expected {
  Values ip1, ip2, x;  // gradients; empty: none is computed
};

void expect_gradients(const std::string& text, const Expected& expected) {
  const auto net = net_of(text);
  set_input(*net, "x", {2, 3});
  net->forward();
  net->backward();
  const auto gradient = [&](const char* layer) {
    const Parameter& p = net->layer(net->layer_index(layer)).parameters()[0];
    return p.has_diff() ? values_of(p.diff(), p.count()) : Values();
  };
  EXPECT_EQ(gradient("ip1"), expected.ip1);
  EXPECT_EQ(gradient("ip2"), expected.ip2);
  EXPECT_EQ(diff_of_input(*net, "x"), expected.x);
}

TEST(Gradients, GoToWhatLearns) { expect_gradients(two_products(), {{2, 3}, {5}, {}}); }

TEST(Gradients, GoToInputsUnderForceBackward) {
  expect_gradients(two_products("", "", "force_backward: true "), {{2, 3}, {5}, {1, 1}});
}

TEST(Gradients, GoToAnInputThatPropagateDownNames) {
  expect_gradients(two_products("propagate_down: true"), {{2, 3}, {5}, {1, 1}});
}

TEST(Gradients, StopAtPropagateDownFalse) {
  expect_gradients(two_products("", "propagate_down: false"), {{}, {5}, {}});
}

TEST(Gradients, SkipParametersOfRateZero) {
  expect_gradients(two_products("", "param { lr_mult: 0 }"), {{2, 3}, {}, {}});
  expect_gradients(two_products("param { lr_mult: 0 }"), {{}, {5}, {}});
}

TEST(Gradients, SkipLayersThatNoneIsWantedOf) {
  const auto runs = [](const std::string& text) {
    const auto net = net_of(text);
    return std::pair(net->runs_backward(1), net->runs_backward(2));
  };
  EXPECT_EQ(runs(two_products()), std::pair(true, true));
  EXPECT_EQ(runs(two_products("param { lr_mult: 0 }")), std::pair(false, true));
  EXPECT_EQ(runs(two_products("", "propagate_down: false")), std::pair(false, true));
  EXPECT_EQ(runs(two_products("param { lr_mult: 0 }", "param { lr_mult: 0 }")), std::pair(false, false));
}

TEST(Gradients, DoNotFlowWhereNoLossIsReached) {
  const auto net = net_of(input_text("x", {1, 2}) +
                          "layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' "
                          "inner_product_param { num_output: 1 } }");
  EXPECT_FALSE(net->runs_backward(1));
}

TEST(Gradients, LabelsTakeNone) {
  const auto net = net_of("force_backward: true " + input_text("x", {2, 3}) + input_text("t", {2}) +
                          "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'x' bottom: 't' }");
  EXPECT_TRUE(net->takes_diff(2, 0));
  EXPECT_FALSE(net->takes_diff(2, 1));
}

// --- shared parameters -----------------------------------------------------------------------------------------------

TEST(SharedParameters, AreOneMemoryWithSummedGradients) {
  const auto layer = [](const std::string& name, const std::string& bottom) {
    return fmt::format(
        "layer {{ name: '{}' type: 'InnerProduct' bottom: '{}' top: '{}' loss_weight: 1 param {{ name: 'w' }} "
        "inner_product_param {{ num_output: 1 bias_term: false weight_filler {{ value: 1 }} }} }}\n",
        name, bottom, name);
  };
  NetOptions options;
  options.plan = false;  // so that backward can be run again
  const auto net =
      net_of(input_text("x", {1, 2}) + input_text("z", {1, 2}) + layer("a", "x") + layer("b", "z"), options);
  set_input(*net, "x", {1, 2});
  set_input(*net, "z", {10, 20});
  ASSERT_EQ(net->parameters().size(), 1u);
  Parameter& owner = *net->parameters()[0].parameter;
  const Parameter& sharer = net->layer(net->layer_index("b")).parameters()[0];
  EXPECT_EQ(owner.data(), sharer.data());
  EXPECT_EQ(net->forward(), 33);
  net->backward();
  EXPECT_EQ(values_of(owner.diff(), 2), Values({11, 22}));
  net->backward();
  EXPECT_EQ(values_of(owner.diff(), 2), Values({22, 44})) << "accumulated until forget_diff()";
  owner.forget_diff();
  net->backward();
  EXPECT_EQ(values_of(owner.diff(), 2), Values({11, 22}));
}

TEST(SharedParameters, MayHaveShapesOfTheirOwnIfPermissive) {
  const auto net = net_of(input_text("x", {1, 2}) + input_text("z", {1, 3}) +
                          "layer { name: 'a' type: 'InnerProduct' bottom: 'x' top: 'a' param { name: 'w' } "
                          "inner_product_param { num_output: 3 bias_term: false } }"
                          "layer { name: 'b' type: 'InnerProduct' bottom: 'z' top: 'b' "
                          "param { name: 'w' share_mode: PERMISSIVE } "
                          "inner_product_param { num_output: 2 bias_term: false } }");
  Parameter& a = net->layer(2).parameters()[0];
  const Parameter& b = net->layer(3).parameters()[0];
  EXPECT_EQ(a.shape(), Shape({3, 2}));
  EXPECT_EQ(b.shape(), Shape({2, 3}));
  for (int i = 0; i < 6; ++i) a.mutable_data()[i] = static_cast<real>(i);
  a.raise_version();
  set_input(*net, "x", {1, 0});
  set_input(*net, "z", {1, 0, 0});
  net->forward();
  EXPECT_EQ(data_of(*net, "a"), Values({0, 2, 4}));
  EXPECT_EQ(data_of(*net, "b"), Values({0, 3}));
}

}  // namespace
}  // namespace crema

// Tests of normalizations that rows cannot express: running statistics, large and empty shapes, errors.
#include <gtest/gtest.h>

#include <cmath>

#include "base/parallel.h"
#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

using Values = std::vector<double>;

std::unique_ptr<Net> one_layer(const std::vector<long>& dims, const std::string& layer, Phase phase = TRAIN) {
  NetOptions options;
  options.output_diffs = {"y"};
  return net_of(
      "force_backward: true " + input_text("x", dims) + "layer { name: 'L' bottom: 'x' top: 'y' " + layer + " }",
      options, phase);
}

Values parameter(Net& net, int index) {
  const Parameter& p = net.layer(net.layer_index("L")).parameters().at(static_cast<size_t>(index));
  return {p.data(), p.data() + p.count()};
}

TEST(Bn, RunningStatisticsApproachThoseOfTheBatch) {
  const auto net = one_layer({2, 1}, "type: 'BN' bn_param { momentum: 0.75 }");
  for (const double factor : {0.25, 0.4375}) {  // 1 - 0.75, 1 - 0.75^2
    set_input(*net, "x", {2, 6});
    net->forward();
    EXPECT_EQ(parameter(*net, 2), Values({4 * factor}));
    EXPECT_EQ(parameter(*net, 3), Values({4 * factor}));  // the variance over n, not over n - 1
  }
  net->set_replay(true);
  net->forward();
  EXPECT_EQ(parameter(*net, 2), Values({4 * 0.4375}));
}

TEST(Bn, NothingLearnsInAFrozenLayer) {
  const auto net = one_layer({2, 1}, "type: 'BN' bn_param { frozen: true }");
  for (const Parameter& p : net->layer(net->layer_index("L")).parameters()) EXPECT_FALSE(p.learns());
  set_input(*net, "x", {2, 6});
  net->forward();
  EXPECT_EQ(parameter(*net, 2), Values({0}));
  EXPECT_EQ(parameter(*net, 3), Values({1}));
}

TEST(Norms, InPlaceGivesTheSameNumbers) {
  for (const char* layer :
       {"type: 'LRN'", "type: 'LRN' lrn_param { norm_region: WITHIN_CHANNEL }", "type: 'MVN'", "type: 'LayerNorm'",
        "type: 'LayerNorm' layer_norm_param { scale_term: false bias_term: false }", "type: 'RMSNorm'",
        "type: 'InstanceNorm'", "type: 'GroupNorm' group_norm_param { group_num: 2 affine: true }", "type: 'Normalize'",
        "type: 'Normalize' norm_param { across_spatial: false }", "type: 'BN'", "type: 'Bias'", "type: 'BatchNorm'",
        "type: 'Scale'", "type: 'PReLU'"}) {
    SCOPED_TRACE(layer);
    const auto text = [&](const char* y) {
      return "force_backward: true " + input_text("in", {3, 4, 5, 6}) +
             "layer { name: 'before' type: 'Power' bottom: 'in' top: 'x' power_param { scale: 2 } }" +
             fmt::format("layer {{ name: 'L' bottom: 'x' top: '{}' {} }}", y, layer) +
             fmt::format("layer {{ name: 'after' type: 'TanH' bottom: '{}' top: 'z' loss_weight: 1 }}", y);
    };
    const auto two = net_of(text("y")), one = net_of(text("x"));
    for (Net* net : {two.get(), one.get()}) {
      fill_input(*net, "in");
      net->forward();
      net->backward();
    }
    EXPECT_TRUE(same(see(*one), see(*two)));
  }
}

TEST(Norms, ThreadsChangeNoBit) {
  for (const char* layer :
       {"type: 'LRN'", "type: 'LRN' lrn_param { norm_region: WITHIN_CHANNEL }", "type: 'MVN'", "type: 'LayerNorm'",
        "type: 'LayerNorm' layer_norm_param { axis: 1 }", "type: 'RMSNorm'",
        "type: 'GroupNorm' group_norm_param { group_num: 2 affine: true }",
        "type: 'InstanceNorm' instance_norm_param { affine: true }", "type: 'MVN' mvn_param { across_channels: true }",
        "type: 'Normalize'", "type: 'Normalize' norm_param { across_spatial: false channel_shared: false }",
        "type: 'BN'", "type: 'Bias'", "type: 'BatchNorm'", "type: 'Scale'", "type: 'PReLU'"}) {
    SCOPED_TRACE(layer);
    Seen seen[2];
    for (const int threads : {1, 3}) {
      const ThreadScope scope(threads);
      const auto net = one_layer({2, 6, 120, 100}, layer);
      fill_input(*net, "x");
      net->forward();
      fill_output_diff(*net, "y");
      net->backward();
      seen[threads == 3] = see(*net);
    }
    EXPECT_TRUE(same(seen[0], seen[1]));
  }
}

// So large that a thread works on one group of channels after the other; three threads do not divide the channels.
TEST(Norms, ThreadsChangeNoBitOfManyElements) {
  Seen seen[2];
  for (const int threads : {1, 3}) {
    const ThreadScope scope(threads);
    const auto net = one_layer({2, 4, 520, 512}, "type: 'BatchNorm'");
    fill_input(*net, "x", 9, 11);
    net->forward();
    fill_output_diff(*net, "y");
    net->backward();
    seen[threads == 3] = see(*net);
  }
  EXPECT_TRUE(same(seen[0], seen[1]));
}

TEST(Norms, EmptyBottomsPass) {
  for (const char* layer :
       {"type: 'LRN'", "type: 'LRN' lrn_param { norm_region: WITHIN_CHANNEL }", "type: 'MVN'", "type: 'LayerNorm'",
        "type: 'RMSNorm'", "type: 'InstanceNorm' instance_norm_param { affine: true }",
        "type: 'GroupNorm' group_norm_param { group_num: 2 affine: true }", "type: 'Normalize'",
        "type: 'Normalize' norm_param { across_spatial: false channel_shared: false }", "type: 'BN'", "type: 'Bias'",
        "type: 'BatchNorm'", "type: 'Scale'", "type: 'PReLU'"}) {
    SCOPED_TRACE(layer);
    for (const std::vector<long>& dims : {std::vector<long>{0, 4, 2, 2}, {2, 4, 0, 2}}) {
      const auto net = one_layer(dims, layer);
      net->forward();
      net->backward();
      EXPECT_EQ(net->value("y").count(), 0);
    }
  }
}

// dx of y = (x - mean) / sqrt(variance + eps) for each row of n, in double.
Values expected_gradient(const real* x, const real* dy, long rows, long n, double eps) {
  Values dx(static_cast<size_t>(rows * n));
  for (long row = 0; row < rows; ++row) {
    const real *v = x + row * n, *g = dy + row * n;
    double mean = 0, squares = 0, sum = 0, product = 0;
    for (long i = 0; i < n; ++i) mean += static_cast<double>(v[i]) / static_cast<double>(n);
    for (long i = 0; i < n; ++i) squares += (static_cast<double>(v[i]) - mean) * (static_cast<double>(v[i]) - mean);
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(n) + eps);
    for (long i = 0; i < n; ++i) {
      sum += static_cast<double>(g[i]) / static_cast<double>(n);
      product += static_cast<double>(g[i]) * (static_cast<double>(v[i]) - mean) * inverse / static_cast<double>(n);
    }
    for (long i = 0; i < n; ++i) {
      const double hat = (static_cast<double>(v[i]) - mean) * inverse;
      dx[static_cast<size_t>(row * n + i)] = inverse * (static_cast<double>(g[i]) - sum - hat * product);
    }
  }
  return dx;
}

// Few rows, on each of which all threads work, and many rows, of which each thread takes some.
TEST(Norms, RowsOfAnyLength) {
  struct Case {
    std::vector<long> dims;
    long rows;
    const char* layer;
  };
  for (const Case& c : {Case{{2, 2, 40000}, 2, "type: 'LayerNorm' layer_norm_param { axis: 1 eps: 1e-5 }"},
                        {{300, 700}, 300, "type: 'LayerNorm'"},
                        {{1, 4, 300, 200}, 2, "type: 'GroupNorm' group_norm_param { group_num: 2 affine: true }"},
                        {{20, 8, 50, 30}, 80, "type: 'GroupNorm' group_norm_param { group_num: 4 affine: true }"},
                        {{1, 3, 300, 300}, 3, "type: 'InstanceNorm'"}}) {
    SCOPED_TRACE(fmt::format("{} of {}", c.layer, fmt::join(c.dims, " ")));
    const auto net = one_layer(c.dims, c.layer);
    fill_input(*net, "x", 99, 101);
    net->forward();
    fill_output_diff(*net, "y");
    net->backward();
    const Blob &x = net->input("x"), &y = net->value("y");
    const long n = x.count() / c.rows;
    const Values expected = expected_gradient(x.data(), net->output_diff("y").diff(), c.rows, n, 1e-5);
    double squares = 0, error = 0;
    for (long i = 0; i < y.count(); ++i) squares += static_cast<double>(y.data()[i]) * static_cast<double>(y.data()[i]);
    EXPECT_NEAR(squares / static_cast<double>(y.count()), 1, 1e-4);
    for (size_t i = 0; i < expected.size(); ++i) {
      error = std::max(error, std::abs(static_cast<double>(x.diff()[i]) - expected[i]));
    }
    EXPECT_LT(error, 2e-4);  // x is precise only to 2^-18
    const auto& parameters = net->layer(net->layer_index("L")).parameters();
    if (parameters.empty()) continue;
    double db = 0, dy = 0;  // the summands' gradients add up to all of dy
    for (long i = 0; i < parameters[1].count(); ++i) db += static_cast<double>(parameters[1].diff()[i]);
    for (long i = 0; i < y.count(); ++i) dy += static_cast<double>(net->output_diff("y").diff()[i]);
    EXPECT_NEAR(db, dy, 1e-3 * std::sqrt(static_cast<double>(y.count())));
  }
}

// A batch of which a Filter keeps no record must not change the statistics.
TEST(Norms, EmptyBatchesLeaveStatisticsAlone) {
  for (const std::string layer : {"type: 'BatchNorm'", "type: 'BatchNorm' batch_norm_param { eps: 0 }", "type: 'BN'",
                                  "type: 'BN' bn_param { eps: 0 }"}) {
    for (const bool fuse : {true, false}) {
      NetOptions options;
      options.fuse = fuse;
      const auto net =
          net_of(input_text("x", {4, 3}) + input_text("s", {4}) +
                     "layer { name: 'f' type: 'Filter' bottom: 'x' bottom: 's' top: 'f' }"
                     "layer { name: 'L' bottom: 'f' top: 'n' " +
                     layer +
                     " }"
                     "layer { name: 'scale' type: 'Scale' bottom: 'n' top: 'y' scale_param { bias_term: true } }"
                     "layer { name: 'sum' type: 'Reduction' bottom: 'y' top: 'sum' loss_weight: 1 }",
                 options);
      fill_input(*net, "x");
      const auto run = [&](float kept) {
        for (const NetParameterInfo& info : net->parameters()) info.parameter->forget_diff();
        set_input(*net, "s", {kept, kept, kept, 0});
        net->forward();
        net->backward();
        return see(*net);
      };
      const Seen full = run(1), empty = run(0);
      for (const auto& [name, values] : empty) {
        if (name.starts_with("parameter")) {
          EXPECT_EQ(values, full.at(name)) << layer << ", " << name;
        }
        if (!name.starts_with("diff of parameter")) continue;
        for (const real d : values) EXPECT_EQ(d, 0) << layer << ", " << name;
      }
      const Seen again = run(1);
      for (const real d : again.at("diff of parameter scale/0")) EXPECT_TRUE(std::isfinite(d)) << layer;
    }
  }
}

TEST(Norms, RefuseWhatMakesNoSense) {
  const auto refused = [](const std::vector<long>& dims, const std::string& layer) {
    return message_of([&] { one_layer(dims, layer); });
  };
  const std::vector<std::tuple<std::vector<long>, std::string, std::string>> cases = {
      {{1, 2, 3, 3}, "type: 'LRN' lrn_param { local_size: 4 }", "local_size is 4; it must be odd"},
      {{1, 2, 3}, "type: 'LRN'", "bottom 0 (1 2 3) has 3 axes; LRN needs 4: N, C, H, W"},
      {{4}, "type: 'MVN'", "bottom 0 (4) has 1 axes; at least 2 are needed: N, C"},
      {{4, 2}, "type: 'MVN' mvn_param { eps: -1 }", "eps is -1; it must not be negative"},
      {{2, 6}, "type: 'GroupNorm'", "group_num is 32, and bottom 0 (2 6) has 6 channels; it must divide them"},
      {{2, 6}, "type: 'GroupNorm' group_norm_param { group_num: 0 }", "group_num is 0; it must be at least 1"},
      {{2, 6}, "type: 'LayerNorm' layer_norm_param { axis: 2 }", "axis"},
      {{2, 6}, "type: 'RMSNorm' rms_norm_param { eps: -0.5 }", "eps is -0.5; it must not be negative"},
      {{6}, "type: 'Normalize'", "bottom 0 (6) has 1 axes; at least 2 are needed: N, C"},
      {{2, 6}, "type: 'BN' bn_param { bn_mode: LEARN frozen: true }", "here are fields of both"},
      {{2, 6}, "type: 'BN' bn_param { momentum: 2 }", "momentum is 2; it must be in [0, 1]"},
      {{2, 6},
       "type: 'Bias' bias_param { num_axes: 2 }",
       "num_axes is 2 from axis 1 on, and bottom 0 (2 6) has 2 axes"},
      {{2, 6}, "type: 'Bias' bias_param { num_axes: -2 }", "num_axes is -2; it must be -1 or more"},
      {{2, 6}, "type: 'Bias' bottom: 'x'", "bottom 1 (2 6) must have the dimensions of bottom 0 (2 6) from axis 1 on"},
  };
  for (const auto& [dims, layer, message] : cases) {
    EXPECT_NE(refused(dims, layer).find(message), std::string::npos) << refused(dims, layer);
  }
}

}  // namespace
}  // namespace crema

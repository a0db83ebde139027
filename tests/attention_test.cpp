// Attention and MatMul: dropout of the weights, threads, blocks, and what is refused.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

constexpr long kPlaces = 96;  // more than a block of queries

// Each place attends equally to all places, and the values are unit vectors, so the output is the weights themselves.
std::unique_ptr<Net> weights_net(const std::string& more, const NetOptions& options = {}, Phase phase = TRAIN) {
  auto net = net_of(
      input_text("x", {2, kPlaces, kPlaces}) + fmt::format("layer {{ name: 'L' type: 'Attention' bottom: 'x' top: 'y' "
                                                           "attention_param {{ bias_term: false {} }} }}",
                                                           more),
      options, phase);
  const auto unit = [](real* to) {
    for (long i = 0; i < kPlaces; ++i) to[i * kPlaces + i] = 1;
  };
  Parameter &w = net->layer(1).parameters()[0], &out = net->layer(1).parameters()[1];
  unit(w.mutable_data() + 2 * kPlaces * kPlaces);
  unit(out.mutable_data());
  for (long n = 0; n < 2; ++n) unit(net->input("x").mutable_data() + n * kPlaces * kPlaces);
  return net;
}

std::vector<real> run(Net& net) {
  net.forward();
  return {net.value("y").data(), net.value("y").data() + net.value("y").count()};
}

TEST(Attention, drops_weights_while_training) {
  const auto net = weights_net("dropout_ratio: 0.25");
  const std::vector<real> first = run(*net);
  long dropped = 0;
  for (const real weight : first) {
    dropped += weight == 0 ? 1 : 0;
    EXPECT_NEAR(weight, weight == 0 ? 0 : 1 / 0.75 / kPlaces, 1e-7);
  }
  EXPECT_NEAR(static_cast<double>(dropped) / static_cast<double>(first.size()), 0.25, 0.01);
  net->set_replay(true);
  EXPECT_EQ(run(*net), first);
  net->set_replay(false);
  const std::vector<real> second = run(*net);
  long both = 0;
  for (size_t i = 0; i < first.size(); ++i) both += first[i] == 0 && second[i] == 0 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(both) / static_cast<double>(first.size()), 0.25 * 0.25, 0.01);
}

TEST(Attention, drops_nothing_in_a_test) {
  for (const real weight : run(*weights_net("dropout_ratio: 0.25", {}, TEST))) EXPECT_NEAR(weight, 1.0 / kPlaces, 1e-8);
}

TEST(Attention, sees_what_came_before_alone) {
  const std::vector<real> y = run(*weights_net("causal: true"));
  for (long t = 0; t < 2 * kPlaces; ++t) {
    const long query = t % kPlaces;
    for (long s = 0; s < kPlaces; ++s) {
      const double expected = s <= query ? 1 / static_cast<double>(query + 1) : 0;
      EXPECT_NEAR(y[t * kPlaces + s], expected, 1e-7) << query << ", " << s;
    }
  }
}

constexpr const char* kFiller = "weight_filler { type: 'uniform' min: -1 max: 1 }";

// The same except for the last bits of the products, which BLAS adds up in another order.
TEST(Attention, does_not_depend_on_the_number_of_threads) {
  const std::string layers[] = {
      input_text("x", {3, 5, 8}) +
          fmt::format("layer {{ name: 'L' type: 'Attention' bottom: 'x' top: 'y' "
                      "attention_param {{ num_heads: 4 dropout_ratio: 0.3 causal: true {} }} }}",
                      kFiller),
      input_text("x", {1, 150, 32}) + input_text("m", {1, 130, 32}) +
          fmt::format("layer {{ name: 'L' type: 'Attention' bottom: 'x' bottom: 'm' top: 'y' "
                      "attention_param {{ num_heads: 2 dropout_ratio: 0.3 {} }} }}",
                      kFiller),
      input_text("x", {9, 17, 33}) + input_text("m", {9, 33, 21}) +
          "layer { name: 'L' type: 'MatMul' bottom: 'x' bottom: 'm' top: 'y' }",
  };
  for (const std::string& text : layers) {
    std::vector<Seen> seen;
    for (const int threads : {1, 2, 5}) {
      NetOptions options;
      options.threads = threads;
      options.output_diffs = {"y"};
      const auto net = net_of("force_backward: true " + text, options);
      for (const std::string& input : net->inputs()) fill_input(*net, input);
      net->forward();
      fill_output_diff(*net, "y");
      net->backward();
      seen.push_back(see(*net));
    }
    for (const auto& [name, values] : seen[0]) {
      for (size_t i = 0; i < values.size(); ++i) {
        EXPECT_NEAR(seen[1].at(name)[i], values[i], 1e-4) << text << name;
        EXPECT_NEAR(seen[2].at(name)[i], values[i], 1e-4) << text << name;
      }
    }
  }
}

TEST(Attention, counts_its_products) {
  const auto net = weights_net("");
  constexpr double n = kPlaces;
  EXPECT_EQ(net->layer(1).multiply_adds(net->bottoms(1), net->tops(1)), 2 * (4 * n * n * n + 2 * n * n * n));
  const auto product = net_of(input_text("a", {5, 3, 2}) + input_text("b", {5, 2, 7}) +
                              "layer { name: 'L' type: 'MatMul' bottom: 'a' bottom: 'b' top: 'y' }");
  EXPECT_EQ(product->layer(2).multiply_adds(product->bottoms(2), product->tops(2)), 5 * 3 * 2 * 7);
}

TEST(Attention, refuses_what_does_not_fit) {
  const struct {
    std::string type, param;
    std::vector<std::vector<long>> bottoms;
    const char* message;
  } rows[] = {
      {"Attention",
       "attention_param { num_heads: 3 }",
       {{1, 2, 4}},
       "num_heads is 3; it must divide the width of bottom 0 (1 2 4)"},
      {"Attention", "attention_param { num_heads: 0 }", {{1, 2, 4}}, "num_heads is 0; it must be positive"},
      {"Attention",
       "attention_param { dropout_ratio: 1 }",
       {{1, 2, 4}},
       "dropout_ratio is 1; it must be at least 0 and below 1"},
      {"Attention", "", {{2, 4}}, "bottom 0 has shape 2 4; expected 3 axes: records, places, width"},
      {"Attention", "", {{1, 2, 4}, {2, 2, 4}}, "bottom 1 (2 2 4) has 2 records, bottom 0 has 1"},
      {"Attention",
       "",
       {{1, 2, 4}, {1, 3, 4}, {1, 5, 4}},
       "bottom 1 (1 3 4) has 3 places for keys, bottom 2 has 5 values"},
      {"Attention",
       "attention_param { causal: true }",
       {{1, 2, 4}, {1, 3, 4}},
       "causal goes with as many keys as queries; there are 3 and 2"},
      {"Attention", "", {{1, 2, 4}, {1, 2, 4}, {1, 2, 4}, {1, 2, 4}}, "takes 1 to 3 bottoms, and 4 are named"},
      {"MatMul", "", {{2, 3}, {4, 2}}, "matrices of 2x3 and 4x2 have no product (bottom 0: 2 3, bottom 1: 4 2)"},
      {"MatMul",
       "matmul_param { transpose_b: true }",
       {{2, 3}, {3, 2}},
       "matrices of 2x3 and 2x3 have no product (bottom 0: 2 3, bottom 1: 3 2)"},
      {"MatMul",
       "",
       {{2, 2, 3}, {3, 3, 2}},
       "bottom 0 (2 2 3) and bottom 1 (3 3 2) do not have the same axes before their matrices"},
      {"MatMul",
       "",
       {{1, 2, 2, 3}, {2, 3, 2}},
       "bottom 0 (1 2 2 3) and bottom 1 (2 3 2) do not have the same axes before their matrices"},
      {"MatMul", "", {{3}, {3, 2}}, "the bottoms have shapes 3 and 3 2; a matrix has 2 axes or more"},
      {"MatMul", "", {{3, 2}}, "takes 2 bottoms, and 1 is named"},
  };
  for (const auto& row : rows) {
    std::string text, names;
    for (size_t b = 0; b < row.bottoms.size(); ++b) {
      text += input_text(fmt::format("b{}", b), row.bottoms[b]);
      names += fmt::format("bottom: 'b{}' ", b);
    }
    text += fmt::format("layer {{ name: 'L' type: '{}' {} top: 'y' {} }}", row.type, names, row.param);
    const std::string message = message_of([&] { net_of(text); });
    EXPECT_NE(message.find(row.message), std::string::npos) << message << "\nexpected: " << row.message;
  }
}

}  // namespace
}  // namespace crema

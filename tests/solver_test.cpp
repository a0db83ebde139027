// The training loop: schedules, what a solver's text may not say, the log, tests, iter_size, stopping.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "math/algorithms.h"
#include "solvers/check.h"
#include "solvers/lr_policy.h"
#include "solvers/solver.h"
#include "support/messages.h"
#include "support/training.h"

namespace crema {
namespace {

SolverConfig config(const std::string& text) { return parse_solver(text, "solver.prototxt"); }

std::vector<float> rates(const std::string& text, int count) {
  LrPolicy policy(config("base_lr: 0.5 max_iter: 20 " + text));
  std::vector<float> all;
  for (int t = 0; t < count; ++t) all.push_back(policy.rate(t));
  return all;
}

TEST(LrPolicy, follows_its_closed_form) {
  const struct {
    const char* text;
    double (*rate)(int t);
  } rows[] = {
      {"lr_policy: 'fixed'", [](int) { return 0.5; }},
      {"lr_policy: 'step' gamma: 0.3 stepsize: 4", [](int t) { return 0.5 * std::pow(0.3, t / 4); }},
      {"lr_policy: 'exp' gamma: 0.9", [](int t) { return 0.5 * std::pow(0.9, t); }},
      {"lr_policy: 'inv' gamma: 0.1 power: 0.75", [](int t) { return 0.5 * std::pow(1 + 0.1 * t, -0.75); }},
      {"lr_policy: 'poly' power: 2", [](int t) { return 0.5 * std::pow(1 - std::min(t, 20) / 20.0, 2); }},
      {"lr_policy: 'sigmoid' gamma: -0.5 stepsize: 8", [](int t) { return 0.5 / (1 + std::exp(0.5 * (t - 8))); }},
      {"lr_policy: 'multistep' gamma: 0.3 stepvalue: 3 stepvalue: 7 stepvalue: 7",
       [](int t) {
         return 0.5 * std::pow(0.3, t < 3 ? 0 : t < 7 ? 1 : 3);
       }},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    const auto all = rates(row.text, 25);
    for (int t = 0; t < 25; ++t) EXPECT_NEAR(all[t], row.rate(t), 1e-6) << "iteration " << t;
  }
}

TEST(LrPolicy, multistep_needs_no_memory_of_iterations_before) {
  LrPolicy policy(config("base_lr: 1 lr_policy: 'multistep' gamma: 0.5 stepvalue: 5 stepvalue: 10"));
  EXPECT_EQ(policy.rate(7), 0.5f);
  EXPECT_EQ(policy.steps_at(7), 1);
  EXPECT_EQ(policy.rate(10), 0.25f);
  EXPECT_EQ(policy.steps_at(10), 2);
  EXPECT_EQ(policy.rate(4), 1.0f);
}

struct Mistake {
  std::string text, message;
};

TEST(Solver, says_what_its_text_has_wrong) {
  const std::string good = "base_lr: 0.1\nlr_policy: 'fixed'\nmax_iter: 10\n";
  const std::string rate = "base_lr: 0.1\nmax_iter: 10\n";
  const Mistake rows[] = {
      {"lr_policy: 'fixed' max_iter: 1", "solver.prototxt: base_lr is not set: the learning rate to start with"},
      {"base_lr: -0.1", "solver.prototxt:1:1: base_lr is -0.1; it must be a number of at least 0"},
      {"base_lr: nan", "solver.prototxt:1:1: base_lr is nan; it must be a number of at least 0"},
      {"base_lr: 1 lr_policy: 'fixed'", "solver.prototxt: max_iter is not set: how many iterations to train for"},
      {good + "iter_size: 0", "solver.prototxt:4:1: iter_size is 0; it must be at least 1"},
      {good + "average_loss: 0", "solver.prototxt:4:1: average_loss is 0; it must be at least 1"},
      {good + "display: -1", "solver.prototxt:4:1: display is -1; it must be at least 0"},
      {good + "snapshot: -5", "solver.prototxt:4:1: snapshot is -5; it must be at least 0"},
      {good + "test_iter: 0", "solver.prototxt:4:1: test_iter is 0; it must be at least 1"},
      {good + "weight_decay: -1", "solver.prototxt:4:1: weight_decay is -1; it must be a number of at least 0"},
      {good + "momentum: 1", "solver.prototxt:4:1: momentum is 1; it must be at least 0 and below 1"},
      {good + "momentum: -0.5", "solver.prototxt:4:1: momentum is -0.5; it must be at least 0 and below 1"},
      {good + "type: 'Adam' momentum2: 1.5",
       "solver.prototxt:4:14: momentum2 is 1.5; it must be at least 0 and below 1"},
      {good + "type: 'Adam' delta: 0", "solver.prototxt:4:14: delta is 0; it must be above 0"},
      {good + "type: 'Adm'", "solver.prototxt:4:1: unknown solver type \"Adm\"; did you mean \"Adam\"?"},
      {good + "type: 'Newton'",
       "solver.prototxt:4:1: unknown solver type \"Newton\"; it is one of AMSGrad, AdaDelta, AdaGrad, Adam, AdamW, "
       "LARS, "
       "Lion, Momentum, Nesterov, RMSProp, SGD"},
      {good + "regularization_type: 'L3'", "solver.prototxt:4:1: regularization_type is \"L3\"; it is L1 or L2"},
      {good + "averaged: true", "solver.prototxt:4:1: averaged is an option of type \"Nesterov\", not of \"SGD\""},
      {good + "bias_correction: true",
       "solver.prototxt:4:1: bias_correction is an option of type \"Momentum\", not of \"SGD\""},
      {good + "clip_gradients: 0",
       "solver.prototxt:4:1: clip_gradients is 0; it must be positive, or negative for no clipping"},
      {good + "snapshot_format: HDF5",
       "solver.prototxt:4:1: snapshots are written in snapshot_format BINARYPROTO alone; leave the field out"},
      {rate,
       "solver.prototxt: lr_policy is not set; it is one of fixed, step, multistep, exp, inv, poly, sigmoid, "
       "cosine, plateau"},
      {rate + "lr_policy: 'stpe'", "solver.prototxt:3:1: unknown lr_policy \"stpe\"; did you mean \"step\"?"},
      {rate + "lr_policy: 'step' gamma: 0.1", "solver.prototxt:3:1: lr_policy \"step\" needs stepsize"},
      {rate + "lr_policy: 'exp'", "solver.prototxt:3:1: lr_policy \"exp\" needs gamma"},
      {rate + "lr_policy: 'inv' gamma: 1", "solver.prototxt:3:1: lr_policy \"inv\" needs power"},
      {rate + "lr_policy: 'step' gamma: 0.1\nstepsize: 0", "solver.prototxt:4:1: stepsize is 0; it must be above 0"},
      {rate + "lr_policy: 'exp'\ngamma: -1", "solver.prototxt:4:1: gamma is -1; it must be a number of at least 0"},
      {rate + "lr_policy: 'poly'\npower: -1", "solver.prototxt:4:1: power is -1; poly needs at least 0"},
      {rate + "lr_policy: 'multistep' gamma: 0.1\nstepvalue: 9\nstepvalue: 5",
       "solver.prototxt:5:1: stepvalue 5 comes after 9; the values must rise"},
      {good, "solver.prototxt: no net to train: set net, net_param, train_net or train_net_param"},
      {good + "net_param { }\ntrain_net_param { }",
       "solver.prototxt:4:1: 2 nets to train: set one of net, net_param, train_net and train_net_param"},
      {good + "train_net_param { }\ntest_iter: 1",
       "solver.prototxt:5:1: test_iter has 1 entries for 0 test nets; each test net takes one"},
      {good + "net_param { }\ntest_net_param { }",
       "solver.prototxt: test_iter has 0 entries for 1 test net; each test net takes one"},
      {good + "net_param { }\ntest_iter: 1", "solver.prototxt: there are test nets, but test_interval is not set"},
      {good + "net_param { }\ntest_iter: 1 test_interval: 1\ntest_state { } test_state { }",
       "solver.prototxt:6:1: test_state has 2 entries for 1 test nets; give one for each or none"},
  };
  for (const Mistake& row : rows) EXPECT_EQ(message_of([&] { Solver(config(row.text)); }), row.message) << row.text;
}

TEST(Solver, names_both_places_of_a_missing_net) {
  const std::string message = message_of(
      [] { Solver(parse_solver("base_lr: 1 lr_policy: 'fixed' max_iter: 1\nnet: 'no.prototxt'", "a/s.prototxt")); });
  EXPECT_TRUE(message.starts_with("a/s.prototxt:2:1: net \"no.prototxt\" is neither in the working directory"))
      << message;
  EXPECT_TRUE(message.ends_with("nor beside a/s.prototxt (a/no.prototxt), nor in a folder above")) << message;
}

// A file's stage without effect is only warned of, since Caffe takes such files.
TEST(Solver, warns_of_stages_that_no_rule_names) {
  const std::string net =
      digits_net() + "layer { name: 'extra' type: 'ReLU' bottom: 'ip1' top: 'extra' include { stage: 'linear' } }";
  const auto log_with = [&](const std::string& states) {
    return log_of([&] { Solver(config(digits_solver("random_seed: 1 " + states, net))); });
  };
  EXPECT_NE(log_with("\ntrain_state { stage: 'linaer' level: 2 }")
                .find("solver.prototxt:6:15: no layer of solver.prototxt:7 has a rule that names stage \"linaer\"; did "
                      "you mean "
                      "\"linear\"?; it has no effect\n"),
            std::string::npos)
      << log_with("\ntrain_state { stage: 'linaer' level: 2 }");
  EXPECT_NE(log_with("train_state { level: 2 }").find("has a rule with min_level or max_level; it has no effect\n"),
            std::string::npos);
  EXPECT_EQ(log_with("train_state { stage: 'linear' }").find("no effect"), std::string::npos);
}

// Whether `log` has the lines of `pattern`, in which @ stands for a number.
testing::AssertionResult matches(const std::string& log, std::string pattern) {
  const auto replace = [&pattern](const std::string& from, const std::string& to) {
    for (size_t i = pattern.find(from); i != std::string::npos; i = pattern.find(from, i + to.size())) {
      pattern.replace(i, from.size(), to);
    }
  };
  for (const char* special : {"(", ")", "*"}) replace(special, std::string("\\") + special);
  replace("@", "[-+0-9.e]+");
  if (std::regex_match(log, std::regex(pattern))) return testing::AssertionSuccess();
  return testing::AssertionFailure() << log;
}

TEST(Solver, logs_magnitudes_where_it_displays_and_tests) {
  const auto lines = [](const std::string& fields, const std::string& what) {
    const std::string log =
        log_of([&] { Solver(config(digits_solver(fields + " snapshot_after_train: false"))).solve(); });
    long count = 0;
    for (size_t i = log.find(what); i != std::string::npos; i = log.find(what, i + 1)) ++count;
    return count;
  };
  const std::string norms = "    [Backward] All net params (data, diff): L1 norm = (",
                    tested = "top blob accuracy data: ";
  EXPECT_EQ(lines("debug_info: true display: 2 max_iter: 4", norms), 2);
  EXPECT_EQ(lines("debug_info: true max_iter: 4", norms), 4);
  EXPECT_EQ(lines("display: 2 max_iter: 4", norms), 0);
  EXPECT_EQ(lines("debug_info: true max_iter: 2 test_iter: 3 test_interval: 10", tested), 3);
}

TEST(Solver, refuses_a_training_that_changes_nothing) {
  const std::string start =
      "base_lr: 1 lr_policy: 'fixed' max_iter: 1 snapshot_after_train: false net_param { name: 'n' ";
  const std::string data =
      "layer { name: 'x' type: 'DummyData' top: 'x' dummy_data_param { shape { dim: 2 dim: 2 } } } ";
  const std::string idle = start + data + "layer { name: 'L' type: 'TanH' bottom: 'x' top: 'y' } }";
  EXPECT_EQ(
      message_of([&] { Solver(config(idle)).solve(); }),
      "solver.prototxt:1: net \"n\" has no loss in phase TRAIN: no layer's top has a loss_weight, so that there is "
      "nothing to train for; add a layer such as SoftmaxWithLoss");
  const std::string frozen = start + data +
                             "layer { name: 'L' type: 'InnerProduct' bottom: 'x' top: 'y' param { lr_mult: 0 } "
                             "param { lr_mult: 0 } inner_product_param { num_output: 2 } } "
                             "layer { name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 'x' top: 'loss' } }";
  EXPECT_EQ(message_of([&] { Solver(config(frozen)).solve(); }),
            "solver.prototxt:1: in net \"n\" no parameter has a part in the loss, or none may learn (lr_mult: 0): "
            "training would change nothing");
}

TEST(Solver, logs_what_parsers_of_logs_look_for) {
  const std::string text = digits_solver(
      "display: 2 max_iter: 4 average_loss: 2 test_iter: 1 test_interval: 4 test_compute_loss: true random_seed: 7"
      " snapshot_after_train: false");
  EXPECT_TRUE(matches(log_of([&] { Solver(config(text)).solve(); }), R"(Random seed: 7
Solving digits
Learning Rate Policy: fixed
Iteration 0, Testing net (#0)
Test loss: @
    Test net output #0: accuracy = @
    Test net output #1: loss = @ (* 1 = @ loss)
Iteration 0 (@ iter/s, @s/2 iters), loss = @
    Train net output #0: loss = @ (* 1 = @ loss)
Iteration 0, lr = 0.1
Iteration 2 (@ iter/s, @s/2 iters), loss = @
    Train net output #0: loss = @ (* 1 = @ loss)
Iteration 2, lr = 0.1
Iteration 4, Testing net (#0)
Test loss: @
    Test net output #0: accuracy = @
    Test net output #1: loss = @ (* 1 = @ loss)
Iteration 4, loss = @
Optimization Done.
)"));
}

TEST(Solver, tests_before_the_first_iteration_unless_told_otherwise) {
  const std::string text = digits_solver("test_iter: 1 test_interval: 2 random_seed: 1 test_initialization: false");
  const std::string log = log_of([&] { Solver(config(text)).step(3); });
  EXPECT_TRUE(matches(log,
                      "Random seed: 1\nIteration 2, Testing net (#0)\n    Test net output #0: accuracy = @\n"
                      "    Test net output #1: loss = @ (* 1 = @ loss)\n"));
}

TEST(Solver, numbers_every_element_of_the_outputs_sorted_by_name) {
  const std::string net = R"(layer { name: "a" type: "DummyData" top: "z" top: "a"
    dummy_data_param { shape { dim: 2 } shape { dim: 1 } data_filler { value: 3 } data_filler { value: 0.5 } } })";
  const std::string log = log_of([&] { Solver(config(digits_solver("display: 1 random_seed: 1", net))).step(1); });
  EXPECT_TRUE(matches(log,
                      "Random seed: 1\nIteration 0 (@ iter/s, @s/1 iters), loss = 0\n"
                      "    Train net output #0: a = 0.5\n    Train net output #1: z = 3\n"
                      "    Train net output #2: z = 3\nIteration 0, lr = 0.1\n"));
}

std::vector<float> parameters_of(Solver& solver) {
  std::vector<float> all;
  for (const NetParameterInfo& info : solver.net().parameters()) {
    all.insert(all.end(), info.parameter->data(), info.parameter->data() + info.parameter->count());
  }
  return all;
}

// The test phase uses no random numbers: it has no dropout, and the data come in the file's order.
std::string plain_net(const std::string& train_data) {
  std::string net = digits_net(train_data);
  const std::string drop = "type: \"Dropout\"";
  return net.replace(net.find(drop), drop.size(), "type: \"ReLU\"");
}

TEST(Solver, iter_size_equals_one_big_batch) {
  const std::string fields = "momentum: 0.9 weight_decay: 0.01 random_seed: 3 clip_gradients: ";
  Solver big(config(digits_solver(fields + "1", plain_net("batch_size: 32"))));
  Solver parts(config(digits_solver(fields + "4 iter_size: 4", plain_net("batch_size: 8"))));
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(big.step(1), parts.step(1), 1e-5);
  const auto a = parameters_of(big), b = parameters_of(parts);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-5) << "element " << i;
}

TEST(Solver, learns) {
  Solver solver(config(digits_solver("max_iter: 900 momentum: 0.9 random_seed: 1 base_lr: 0.01 average_loss: 20")));
  const double before = solver.step(1);
  for (int i = 0; i < 15; ++i) solver.step(60);
  EXPECT_LT(evaluate(solver.net(), 20)->loss, 0.5 * before);
}

TEST(Solver, stops_when_the_loss_is_not_finite_and_says_where_that_began) {
  const std::string text = digits_solver("base_lr: 1e30 random_seed: 1 max_iter: 20");
  const std::string message = message_of([&] { Solver(config(text)).step(20); });
  EXPECT_TRUE(message.starts_with("solver.prototxt:3:1: iteration 1: the loss is nan; first, blob \"ip2\"")) << message;
  EXPECT_TRUE(message.ends_with("try a smaller base_lr (now 1e+30), clip_gradients or warmup_iter")) << message;
}

TEST(Solver, gives_the_same_run_for_the_same_seed) {
  const auto run = [](const std::string& seed) {
    Solver solver(config(digits_solver(seed)));
    solver.step(3);
    return parameters_of(solver);
  };
  EXPECT_EQ(run("random_seed: 5"), run("random_seed: 5"));
  EXPECT_NE(run("random_seed: 5"), run("random_seed: 6"));
  EXPECT_NE(run(""), run(""));  // drawn
}

// The file of measured algorithms.
class AlgorithmsFile : public testing::Test {
 protected:
  std::string saved() {
    Algorithms store(file_);
    store.remember("1x16 to 1x16", "forward", "winograd", 0.5);
    const std::string log = log_of([&] { store.save(); });
    EXPECT_NE(log.find("Measured the algorithms of 1 convolution passes in 0.50 s"), std::string::npos) << log;
    return log;
  }

  std::string found(std::string* log) {
    std::string algorithm;
    *log = log_of([&] { algorithm = Algorithms(file_).find("1x16 to 1x16", "forward"); });
    return algorithm;
  }

  TempFolder folder_;
  std::string file_ = folder_ / "new/folder/file";
};

TEST_F(AlgorithmsFile, keeps_what_was_measured) {
  std::string log;
  EXPECT_EQ(found(&log), "");
  saved();
  EXPECT_EQ(found(&log), "winograd");
  EXPECT_EQ(log, "");
  Algorithms other(file_);
  other.remember("another", "backward_data", "gemm", 0);
  other.save();
  EXPECT_EQ(found(&log), "winograd");
}

TEST_F(AlgorithmsFile, counts_as_empty_where_it_is_damaged) {
  saved();
  const std::string whole = read_file(file_);
  std::string log;
  for (size_t length = 0; length < whole.size() - 1; ++length) {
    write_file(file_, whole.substr(0, length));
    ASSERT_EQ(found(&log), "") << length;
    ASSERT_NE(log.find("damaged, or no file of measured algorithms"), std::string::npos) << log;
  }
  saved();
  EXPECT_EQ(found(&log), "winograd");
}

TEST_F(AlgorithmsFile, is_done_without_where_it_cannot_be_written) {
  folder_.write("new", "no folder");
  Algorithms store(file_);
  std::string log;
  for (int i = 0; i < 2; ++i) {
    log += log_of([&] {
      store.remember("1x16 to 1x16", "forward", "direct", 0);
      store.save();
    });
  }
  const size_t first = log.find("measured algorithms are not kept");
  EXPECT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("not kept", first + 25), std::string::npos) << log;
}

TEST(Solver, tells_what_it_did_and_stops_when_asked) {
  std::vector<Progress> seen;
  SolverOptions options;
  options.snapshots = false;
  options.after_iteration = [&](const Progress& progress) { seen.push_back(progress); };
  options.poll = [&] { return seen.size() == 3 ? Request::stop : Request::none; };
  const std::string log = log_of([&] {
    Solver solver(config(digits_solver("random_seed: 1 iter_size: 2 max_iter: 50")), options);
    solver.solve();
    EXPECT_EQ(solver.iteration(), 3);
  });
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[2].iteration, 3);
  EXPECT_EQ(seen[2].max_iter, 50);
  EXPECT_EQ(seen[2].items, 16);
  EXPECT_EQ(seen[2].rate, 0.1f);
  EXPECT_TRUE(log.ends_with("Optimization stopped early.\n")) << log;
}

}  // namespace
}  // namespace crema

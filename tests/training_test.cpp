// Decisions that depend on tests while a solver runs: the monitored output, the best snapshot, the end. Also averages
// of the weights.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "core/weights.h"
#include "solvers/monitor.h"
#include "solvers/snapshot.h"
#include "solvers/solver.h"
#include "support/data_files.h"
#include "support/messages.h"
#include "support/training.h"

namespace crema {
namespace {

namespace fs = std::filesystem;

SolverConfig config(const std::string& text) { return parse_solver(text, "solver.prototxt"); }
SolverConfig config(const std::string& fields, const TempFolder& folder) {
  return config(digits_solver(fields + fmt::format(" snapshot_prefix: '{}'", folder / "s")));
}

Monitor monitor(const std::string& text) {
  return Monitor(config("base_lr: 1 lr_policy: 'fixed' monitor: 'accuracy' " + text));
}

TEST(Monitor, sees_the_best_of_an_accuracy_and_of_a_loss) {
  Monitor high = monitor("");
  EXPECT_TRUE(high.see(0, {{"accuracy", 0.5, 0}}));
  EXPECT_FALSE(high.see(10, {{"accuracy", 0.5, 0}}));
  EXPECT_TRUE(high.see(20, {{"accuracy", 0.6, 0}}));
  EXPECT_EQ(high.text(), "accuracy has not improved in 0 tests; its best was 0.6 at iteration 20");
  Monitor low = monitor("");
  EXPECT_TRUE(low.see(0, {{"accuracy", 0.5, 1}}));  // a loss: lower is better
  EXPECT_FALSE(low.see(10, {{"accuracy", 0.6, 1}}));
  EXPECT_TRUE(low.see(20, {{"accuracy", 0.4, 1}}));
  Monitor told = monitor("monitor_mode: MIN");
  EXPECT_TRUE(told.see(0, {{"accuracy", 0.5, 0}}));
  EXPECT_TRUE(told.see(10, {{"accuracy", 0.4, 0}}));
}

TEST(Monitor, takes_the_mean_of_elements_and_no_nan) {
  Monitor all = monitor("min_delta: 0.1");
  EXPECT_FALSE(all.see(0, {{"accuracy", NAN, 0}}));
  EXPECT_TRUE(all.see(1, {{"accuracy", 0.2, 0}, {"other", 9, 0}, {"accuracy", 0.6, 0}}));
  EXPECT_EQ(all.state().best(), 0.4);
  EXPECT_FALSE(all.see(2, {{"accuracy", 0.45, 0}}));  // less than min_delta better
  EXPECT_TRUE(all.see(3, {{"accuracy", 0.55, 0}}));
}

TEST(Monitor, drops_after_patience_and_ends_after_early_stop) {
  Monitor watched(config("base_lr: 1 lr_policy: 'plateau' gamma: 0.1 monitor: 'accuracy' patience: 2 early_stop: 5"));
  watched.see(0, {{"accuracy", 0.5, 0}});
  const int drops[] = {0, 1, 1, 2, 2};
  for (int test = 1; test <= 5; ++test) {
    EXPECT_FALSE(watched.exhausted());
    watched.see(test, {{"accuracy", 0.5, 0}});
    EXPECT_EQ(watched.drops(), drops[test - 1]) << test;
  }
  EXPECT_TRUE(watched.exhausted());
}

TEST(Monitor, refuses_what_makes_no_sense) {
  const struct {
    const char* fields;
    const char* message;
  } rows[] = {
      {"early_stop: 3", "solver.prototxt:5:1: early_stop needs `monitor`: the name of a test net's output"},
      {"keep_best: true", "solver.prototxt:5:1: keep_best needs `monitor`: the name of a test net's output"},
      {"monitor: 'acuracy' test_iter: 1 test_interval: 1",
       "solver.prototxt:5:1: test net #0 has no output \"acuracy\"; did you mean \"accuracy\"?"},
      {"monitor: 'accuracy'", "solver.prototxt:5:1: monitor_net is 0, and there are 0 test nets"},
      {"monitor: 'accuracy' monitor_net: 1 test_iter: 1 test_interval: 1",
       "solver.prototxt:5:1: monitor_net is 1, and there is 1 test net"},
      {"early_stop: -1", "solver.prototxt:5:1: early_stop is -1; it must be at least 0"},
      {"keep_last: -1", "solver.prototxt:5:1: keep_last is -1; it must be at least 0"},
      {"ema_decay: 1", "solver.prototxt:5:1: ema_decay is 1; it must be at least 0 and below 1"},
      {"test_ema: true", "solver.prototxt:5:1: test_ema needs an average: set ema_decay"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(message_of([&] { Solver(config(digits_solver(row.fields))); }), row.message);
  }
}

// With a rate of zero nothing improves after the first test.
TEST(Training, ends_early_with_a_snapshot_that_stays_at_the_end) {
  const TempFolder folder;
  const std::string fields =
      "base_lr: 0 max_iter: 100 test_iter: 20 test_interval: 3 monitor: 'accuracy' early_stop: 2 random_seed: 2";
  const std::string log = log_of([&] { Solver(config(fields, folder)).solve(); });
  EXPECT_NE(log.find("Iteration 6: early_stop: accuracy has not improved in 2 tests"), std::string::npos) << log;
  EXPECT_NE(log.find("Optimization Done."), std::string::npos) << log;
  EXPECT_TRUE(fs::exists(folder / "s_iter_6.solverstate"));
  Solver again(config(fields, folder));
  again.restore(folder / "s_iter_6.solverstate");
  again.solve();
  EXPECT_EQ(again.iteration(), 6);
}

TEST(Training, keeps_the_best_snapshot_alone_and_goes_on_from_it) {
  const TempFolder whole, resumed;
  const std::string fields =
      "base_lr: 0.05 max_iter: 24 test_iter: 5 test_interval: 2 monitor: 'accuracy' keep_best: true random_seed: 3";
  Solver(config(fields, whole)).solve();
  std::vector<std::string> best;
  for (const auto& entry : fs::directory_iterator(whole / "")) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("s_best_") && name.ends_with(".solverstate")) best.push_back(entry.path().string());
  }
  ASSERT_EQ(best.size(), 1u);
  const SolverState state = read_state(best[0]);
  EXPECT_EQ(state.iter(), state.monitor().best_iteration());
  EXPECT_EQ(state.tested(), state.iter());
  Solver solver(config(fields, resumed));
  solver.restore(best[0]);
  const std::string log = log_of([&] { solver.solve(); });
  EXPECT_EQ(log.find(fmt::format("Iteration {}, Testing", state.iter())), std::string::npos) << "tested twice";
  EXPECT_TRUE(read_file(whole / "s_iter_24.caffemodel") == read_file(resumed / "s_iter_24.caffemodel"));
}

TEST(Training, keeps_the_last_snapshots_and_those_of_longer_runs) {
  const TempFolder folder;
  folder.write("s_iter_100.solverstate", "of another run");
  folder.write("s_iter_2x.solverstate", "of nobody");
  Solver(config("snapshot: 1 keep_last: 2", folder)).solve();
  for (const int iteration : {1, 2, 3, 4}) {
    EXPECT_FALSE(fs::exists(folder / fmt::format("s_iter_{}.solverstate", iteration))) << iteration;
    EXPECT_FALSE(fs::exists(folder / fmt::format("s_iter_{}.caffemodel", iteration))) << iteration;
  }
  for (const char* name :
       {"s_iter_5.solverstate", "s_iter_6.caffemodel", "s_iter_100.solverstate", "s_iter_2x.solverstate"}) {
    EXPECT_TRUE(fs::exists(folder / name)) << name;
  }
}

TEST(Training, finds_the_newest_snapshot_that_can_be_read) {
  const TempFolder folder;
  const SolverConfig run = config("snapshot: 2", folder);
  EXPECT_EQ(latest_state(run), "");
  Solver(run).solve();
  EXPECT_EQ(latest_state(run), folder / "s_iter_6.solverstate");
  write_file(folder / "s_iter_6.caffemodel", read_file(folder / "s_iter_6.caffemodel").substr(0, 900));
  std::string found;
  const std::string log = log_of([&] { found = latest_state(run); });
  EXPECT_EQ(found, folder / "s_iter_4.solverstate");
  EXPECT_NE(log.find("s_iter_6.caffemodel: is not the model that was written with"), std::string::npos) << log;
  write_file(folder / "s_iter_4.solverstate", "cut");
  EXPECT_EQ(latest_state(run), folder / "s_iter_2.solverstate");
  // The newest is the one that was written last, not the one of the highest iteration: here that of a second, shorter
  // run.
  Solver(config("max_iter: 1", folder)).solve();
  EXPECT_EQ(latest_state(run), folder / "s_iter_1.solverstate");
}

TEST(Training, writes_a_snapshot_when_asked_and_goes_on) {
  const TempFolder folder;
  SolverOptions options;
  int iterations = 0;
  options.after_iteration = [&](const Progress& progress) { iterations = progress.iteration; };
  options.poll = [&] { return iterations == 2 ? Request::snapshot : Request::none; };
  Solver(config("snapshot_after_train: false", folder), options).solve();
  EXPECT_EQ(iterations, 6);
  EXPECT_TRUE(fs::exists(folder / "s_iter_2.solverstate"));
  EXPECT_FALSE(fs::exists(folder / "s_iter_3.solverstate"));
}

// The recurrence, worked out by hand on the weights after each iteration.
TEST(Average, follows_its_formula) {
  const TempFolder folder;
  const std::string fields = "ema_decay: 0.25 random_seed: 8 max_iter: 6";
  Solver solver(config(fields, folder));
  const Parameter& w = *solver.net().parameters()[0].parameter;
  std::vector<double> average(w.data(), w.data() + w.count());
  for (int t = 0; t < 6; ++t) {
    solver.step(1);
    const double d = std::min(0.25, (1.0 + t) / (10.0 + t));
    for (long i = 0; i < w.count(); ++i) {
      average[i] = d * average[i] + (1 - d) * static_cast<double>(w.data()[i]);
    }
  }
  const std::vector<float> weights(w.data(), w.data() + w.count());
  solver.snapshot();
  EXPECT_TRUE(std::equal(weights.begin(), weights.end(), w.data())) << "the snapshot has changed the weights";
  const ModelNet model = read_model(folder / "s_iter_6_ema.caffemodel");
  const auto& blob = std::find_if(model.layer().begin(), model.layer().end(), [](const ModelLayer& layer) {
                       return layer.name() == "ip1";
                     })->blobs(0);
  double off = 0;
  for (long i = 0; i < w.count(); ++i) {
    off = std::max(off, std::abs(static_cast<double>(blob.data(static_cast<int>(i))) - average[i]));
  }
  EXPECT_LT(off, 1e-6);
}

TEST(Average, is_what_tests_use_if_asked) {
  const auto accuracy = [](const std::string& fields) {
    Solver solver(
        config(digits_solver("random_seed: 8 base_lr: 0.1 test_iter: 5 test_interval: 50 display: 0 " + fields)));
    solver.step(30);
    return log_of([&] { solver.test(); });
  };
  EXPECT_EQ(accuracy("ema_decay: 0.9"), accuracy(""));
  EXPECT_NE(accuracy("ema_decay: 0.9 test_ema: true"), accuracy(""));
}

TEST(Average, of_a_state_without_one_starts_at_its_weights) {
  const TempFolder folder;
  Solver(config("max_iter: 1", folder)).solve();
  Solver solver(config("ema_decay: 0.9 max_iter: 1", folder));
  const std::string log = log_of([&] { solver.restore(folder / "s_iter_1.solverstate"); });
  EXPECT_NE(log.find("holds no averaged weights: the average starts at its weights"), std::string::npos) << log;
  const Parameter& w = *solver.net().parameters()[0].parameter;
  solver.snapshot();
  Solver other(config("max_iter: 1", folder));
  const std::string lost = log_of([&] { other.restore(folder / "s_iter_1.solverstate"); });
  EXPECT_NE(lost.find("holds averaged weights, which are not used"), std::string::npos) << lost;
  const ModelNet model = read_model(folder / "s_iter_1_ema.caffemodel");
  const auto ip1 = std::find_if(model.layer().begin(), model.layer().end(),
                                [](const ModelLayer& layer) { return layer.name() == "ip1"; });
  EXPECT_TRUE(std::equal(w.data(), w.data() + w.count(), ip1->blobs(0).data().begin()));
}

TEST(Monitor, starts_anew_where_a_state_watched_another_output) {
  const TempFolder folder;
  const std::string fields = "max_iter: 4 test_iter: 2 test_interval: 2 early_stop: 1 random_seed: 1 monitor: ";
  Solver(config(fields + "'accuracy'", folder)).solve();
  Solver solver(config(fields + "'loss'", folder));
  const std::string log = log_of([&] { solver.restore(folder / "s_iter_4.solverstate"); });
  EXPECT_NE(log.find("its best starts anew"), std::string::npos) << log;
  EXPECT_FALSE(monitor("").state().has_best());
}

TEST(Training, removes_best_snapshots_of_other_runs_too) {
  const TempFolder folder;
  folder.write("s_best_iter_900.solverstate", "of a longer run");
  folder.write("s_best_iter_900.caffemodel", "of a longer run");
  Solver(config("test_iter: 5 test_interval: 2 monitor: 'accuracy' keep_best: true random_seed: 3", folder)).solve();
  size_t best = 0;
  for (const auto& entry : fs::directory_iterator(folder / "")) {
    const std::string name = entry.path().filename().string();
    best += name.starts_with("s_best_") && name.ends_with(".solverstate");
  }
  EXPECT_EQ(best, 1u);
  EXPECT_FALSE(fs::exists(folder / "s_best_iter_900.caffemodel"));
}

TEST(Training, a_ruined_net_does_not_replace_a_good_snapshot) {
  const TempFolder folder;
  Solver solver(config("snapshot: 1 keep_last: 1 random_seed: 1", folder));
  solver.step(1);
  solver.net().parameters()[1].parameter->mutable_data()[2] = NAN;
  EXPECT_EQ(message_of([&] { solver.snapshot(); }), "parameter 1 of layer \"ip1\" is not finite any more");
  EXPECT_TRUE(fs::exists(folder / "s_iter_1.solverstate"));
}

}  // namespace
}  // namespace crema

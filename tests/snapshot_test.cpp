// Snapshots: what is written, resuming from them bit-identically, and files that do not fit.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "core/weights.h"
#include "solvers/run_lock.h"
#include "solvers/snapshot.h"
#include "solvers/solver.h"
#include "support/data_files.h"
#include "support/messages.h"
#include "support/training.h"

namespace crema {
namespace {

// A solver whose snapshots go into `folder`.
SolverConfig config(const std::string& fields, const TempFolder& folder, const std::string& net = digits_net()) {
  return parse_solver(digits_solver(fields + fmt::format(" snapshot_prefix: '{}'", folder / "s"), net),
                      folder / "solver.prototxt");
}

// Everything that a snapshot holds, except the folder that it is in.
std::string contents(const TempFolder& folder, int iteration) {
  const std::string stem = folder / fmt::format("s_iter_{}", iteration);
  SolverState state = read_state(stem + ".solverstate");
  EXPECT_EQ(state.learned_net(), stem + ".caffemodel");
  state.clear_learned_net();
  return state.SerializeAsString() + read_file(stem + ".caffemodel");
}

const char* const kRules[] = {
    "momentum: 0.9 weight_decay: 0.01",
    "type: 'Momentum' momentum: 0.9 bias_correction: true",
    "type: 'Nesterov' momentum: 0.9 lr_policy: 'step' gamma: 0.5 stepsize: 2",
    "type: 'Nesterov' momentum: 0.9 averaged: true lr_policy: 'exp' gamma: 0.8",
    "type: 'Adam' momentum: 0.9 decoupled_decay: true weight_decay: 0.1 base_lr: 0.01",
    "momentum: 0.5 lr_policy: 'multistep' gamma: 0.5 stepvalue: 2 stepvalue: 5",
    "type: 'AMSGrad' momentum: 0.9 base_lr: 0.01 lr_policy: 'cosine' stepsize: 2 period_mult: 1.5",
    "type: 'AdaDelta' momentum: 0.9 delta: 1e-4 base_lr: 1 warmup_iter: 4",
    "type: 'Lion' momentum: 0.9 weight_decay: 0.1 base_lr: 0.001",
    "type: 'LARS' momentum: 0.9 trust: 0.1 weight_decay: 0.1",
};

// Dropout, shuffled data for more than one epoch, two passes in each iteration, and tests in between.
constexpr const char* kRun = " iter_size: 2 random_seed: 11 test_iter: 2 test_interval: 2 average_loss: 4 snapshot: 1 ";

TEST(Snapshot, a_run_cut_anywhere_ends_with_the_same_bits) {
  for (const std::string rule : kRules) {
    SCOPED_TRACE(rule);
    const TempFolder whole;
    Solver(config(kRun + rule, whole)).solve();
    for (int cut = 1; cut < 6; ++cut) {
      const TempFolder resumed;
      Solver solver(config(kRun + rule, resumed));
      solver.restore(whole / fmt::format("s_iter_{}.solverstate", cut));
      EXPECT_EQ(solver.iteration(), cut);
      solver.solve();
      ASSERT_EQ(contents(whole, 6), contents(resumed, 6)) << "cut at " << cut;
    }
  }
}

TEST(Snapshot, goes_on_with_the_seed_that_was_drawn) {
  const TempFolder whole, resumed;
  const std::string fields = "snapshot: 3 momentum: 0.9";
  Solver(config(fields, whole)).solve();
  Solver solver(config(fields, resumed));
  solver.restore(whole / "s_iter_3.solverstate");
  EXPECT_EQ(solver.seed(), read_state(whole / "s_iter_3.solverstate").seed());
  solver.solve();
  EXPECT_EQ(contents(whole, 6), contents(resumed, 6));
}

// One algorithm for every pass, as if it had been measured.
std::shared_ptr<Algorithms> measured(const std::string& algorithm) {
  struct Measured final : Algorithms {
    explicit Measured(std::string which) : algorithm(std::move(which)) {}
    std::string find(const std::string& problem, const std::string& pass) override {
      const std::string known = Algorithms::find(problem, pass);
      if (!known.empty()) return known;
      remember(problem, pass, algorithm, 0);
      return algorithm;
    }
    std::string algorithm;
  };
  return std::make_shared<Measured>(algorithm);
}

std::set<std::string> in_use(const Algorithms& store) {
  std::set<std::string> all;
  for (const auto& choice : store.in_use()) all.insert(choice.algorithm);
  return all;
}

TEST(Snapshot, goes_on_with_the_algorithms_of_its_run) {
  const std::string net = digits_net() +
                          "layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv' convolution_param { "
                          "num_output: 16 kernel_size: 3 weight_filler { type: 'xavier' } } }"
                          "layer { name: 'out' type: 'InnerProduct' bottom: 'conv' top: 'out' inner_product_param { "
                          "num_output: 10 weight_filler { type: 'xavier' } } }"
                          "layer { name: 'loss2' type: 'SoftmaxWithLoss' bottom: 'out' bottom: 'label' top: 'loss2' }";
  const auto solver_in = [&](const TempFolder& folder, std::shared_ptr<Algorithms> algorithms) {
    SolverOptions options;
    options.algorithms = std::move(algorithms);
    const std::string fields = fmt::format("snapshot: 3 random_seed: 2 snapshot_prefix: '{}'", folder / "s");
    return std::make_unique<Solver>(parse_solver(digits_solver(fields, net), folder / "solver.prototxt"), options);
  };
  if (default_engine() == Engine::plain) GTEST_SKIP();
  const std::pair<std::string, std::string> runs[] = {{"gemm", "direct"}, {"direct", "gemm"}, {"", "gemm"}};
  for (const auto& [ran_by, otherwise] : runs) {
    SCOPED_TRACE(ran_by);
    const TempFolder whole, resumed;
    solver_in(whole, ran_by.empty() ? nullptr : measured(ran_by))->solve();
    const auto store = measured(otherwise);
    const auto solver = solver_in(resumed, store);
    EXPECT_EQ(in_use(*store), std::set<std::string>{otherwise});
    solver->restore(whole / "s_iter_3.solverstate");
    EXPECT_EQ(in_use(*store), std::set<std::string>{ran_by.empty() ? "direct" : ran_by});
    solver->solve();
    EXPECT_EQ(read_file(whole / "s_iter_6.caffemodel"), read_file(resumed / "s_iter_6.caffemodel"));
  }
}

TEST(Snapshot, a_seed_that_is_asked_for_stands) {
  const TempFolder folder;
  Solver(config("max_iter: 1", folder)).solve();
  SolverOptions options;
  options.seed = 99;
  Solver solver(config("max_iter: 2", folder), options);
  solver.restore(folder / "s_iter_1.solverstate");
  EXPECT_EQ(solver.seed(), 99u);
}

TEST(Snapshot, goes_where_the_prefix_says) {
  const TempFolder folder;
  const std::string file = folder / "train.prototxt";
  const auto model = [&](const std::string& prefix) {
    SolverConfig made = parse_solver("", file);
    if (!prefix.empty()) made.solver.set_snapshot_prefix(prefix);
    return snapshot_files(made, 20).model;
  };
  EXPECT_EQ(model("a/b"), "a/b_iter_20.caffemodel");
  EXPECT_EQ(model(""), folder / "train_iter_20.caffemodel");
  EXPECT_EQ(model(folder / ""), folder / "train_iter_20.caffemodel");
}

TEST(Snapshot, training_refuses_a_folder_that_does_not_exist) {
  const auto config = parse_solver(digits_solver("snapshot_prefix: 'no/such'"), "solver.prototxt");
  EXPECT_EQ(message_of([&] { Solver(config).solve(); }),
            "solver.prototxt:5:1: snapshots go to folder \"no\", which does not exist");
}

// The folder is one in which no user can make a file, whatever its permissions.
TEST(Snapshot, training_refuses_a_folder_in_which_no_file_can_be_made) {
  const auto config = parse_solver(digits_solver("snapshot_prefix: '/proc/self/s'"), "solver.prototxt");
  const std::string message = message_of([&] { Solver(config).solve(); });
  EXPECT_TRUE(message.starts_with("solver.prototxt:5:1: ")) << message;
  EXPECT_NE(message.find("/proc/self"), std::string::npos) << message;
}

// No user can overwrite a folder that has the name of a file to be written.
TEST(Snapshot, training_goes_on_when_one_cannot_be_written) {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "s_iter_2.caffemodel");
  const std::string log = log_of([&] { Solver(config("snapshot: 2", folder)).solve(); });
  EXPECT_NE(log.find("snapshot of iteration 2 failed: "), std::string::npos) << log;
  EXPECT_NE(log.find("Optimization Done."), std::string::npos) << log;
  EXPECT_FALSE(std::filesystem::exists(folder / "s_iter_2.solverstate"));
  EXPECT_TRUE(std::filesystem::exists(folder / "s_iter_4.solverstate"));
}

TEST(Snapshot, a_training_without_its_last_model_is_an_error) {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "s_iter_6.caffemodel");
  std::string message;
  const std::string log = log_of([&] { message = message_of([&] { Solver(config("", folder)).solve(); }); });
  EXPECT_EQ(message, "the training's last snapshot could not be written");
  EXPECT_NE(log.find("Optimization Done."), std::string::npos) << log;
}

TEST(Snapshot, is_written_when_a_training_is_stopped) {
  const TempFolder folder;
  SolverOptions options;
  int iterations = 0;
  options.after_iteration = [&](const Progress& progress) { iterations = progress.iteration; };
  options.poll = [&] { return iterations == 2 ? Request::stop : Request::none; };
  Solver(config("snapshot_after_train: false", folder), options).solve();
  EXPECT_TRUE(std::filesystem::exists(folder / "s_iter_2.solverstate"));
}

// The test in which it stops has no effect, as if it had not begun.
TEST(Snapshot, stopping_within_a_test_loses_nothing) {
  const TempFolder whole, cut, resumed;
  const std::string fields = "random_seed: 4 snapshot: 6 test_iter: 5 test_interval: 2 momentum: 0.9";
  Solver(config(fields, whole)).solve();
  SolverOptions options;
  int asked = 0;
  options.poll = [&] {
    return ++asked > 5 + 2 + 3 ? Request::stop : Request::none;
  };  // asked before each test batch and after each iteration
  Solver stopped(config(fields, cut), options);
  stopped.solve();
  EXPECT_EQ(stopped.iteration(), 2);
  Solver solver(config(fields, resumed));
  solver.restore(cut / "s_iter_2.solverstate");
  solver.solve();
  EXPECT_EQ(contents(whole, 6), contents(resumed, 6));
}

TEST(Snapshot, its_model_is_found_beside_it_when_the_folder_has_moved) {
  const TempFolder folder, moved;
  Solver(config("max_iter: 1", folder)).solve();
  for (const char* name : {"s_iter_1.solverstate", "s_iter_1.caffemodel"}) {
    std::filesystem::rename(folder / name, moved / name);
  }
  Solver solver(config("", folder));
  solver.restore(moved / "s_iter_1.solverstate");
  EXPECT_EQ(solver.iteration(), 1);
  std::filesystem::remove(moved / "s_iter_1.caffemodel");
  EXPECT_EQ(message_of([&] { solver.restore(moved / "s_iter_1.solverstate"); }),
            fmt::format("{}: its model is neither at {} nor at {}", moved / "s_iter_1.solverstate",
                        moved / "s_iter_1.caffemodel", folder / "s_iter_1.caffemodel"));
}

TEST(Snapshot, holds_gradients_if_asked) {
  const TempFolder folder;
  Solver(config("max_iter: 1 snapshot_diff: true", folder)).solve();
  const ModelNet model = read_model(folder / "s_iter_1.caffemodel");
  for (const ModelLayer& layer : model.layer()) {
    for (const BlobProto& blob : layer.blobs()) EXPECT_EQ(blob.diff_size(), blob.data_size());
  }
}

constexpr const char* kTakeAnother = "go on from another snapshot (--resume latest takes the newest that is whole)";

class BadState : public testing::Test {
 protected:
  BadState() { Solver(config("max_iter: 1 momentum: 0.9", folder_)).solve(); }

  std::string restore(const std::string& fields = "momentum: 0.9") {
    return message_of([&] { Solver(config(fields, folder_)).restore(state_); });
  }
  // Changes the state's file.
  void change(const std::function<void(SolverState&)>& action) {
    SolverState state = read_state(state_);
    action(state);
    write_binary(state_, state);
  }

  TempFolder folder_;
  std::string state_ = folder_ / "s_iter_1.solverstate", model_ = folder_ / "s_iter_1.caffemodel";
};

TEST_F(BadState, fits_before_it_is_changed) { EXPECT_EQ(restore(), "no error"); }

TEST_F(BadState, of_another_kind) {
  std::filesystem::copy_file(model_, state_, std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(restore(), state_ + ": not a solver state, or only a part of one; " + kTakeAnother);
}

TEST_F(BadState, in_hdf5) {
  write_file(state_, "\x89HDF\r\n\x1a\n");
  EXPECT_EQ(restore(), state_ + ": an HDF5 file; states are read in the binary format alone");
}

TEST_F(BadState, with_damaged_numbers) {
  SolverState state = read_state(state_);
  state.set_current_step(-1);  // not used, since it follows from the iteration
  write_binary(state_, state);
  EXPECT_EQ(restore(), "no error");
  state.set_loss_window(0, INFINITY);
  write_binary(state_, state);
  EXPECT_EQ(restore(), state_ + ": damaged: it holds a loss that is no finite number");
}

TEST_F(BadState, of_a_net_with_other_data) {
  SolverState state = read_state(state_);
  state.mutable_net(0)->mutable_layer(0)->set_name("records");
  write_binary(state_, state);
  EXPECT_EQ(restore(), state_ + ": keeps the position of data layer \"records\", which the net does not have");
}

TEST_F(BadState, absent) {
  std::filesystem::remove(state_);
  EXPECT_EQ(restore(), state_ + ": cannot open: No such file or directory");
}

TEST_F(BadState, of_another_rule) {
  EXPECT_EQ(
      restore("type: 'Nesterov' momentum: 0.9"),
      state_ +
          ": the state was written by update rule \"SGD\", and the solver's is \"Nesterov\": go on with that type, or "
          "start from the model beside it with --weights");
}

TEST_F(BadState, of_another_rule_without_a_name_as_in_caffe) {
  change([](SolverState& state) { state.clear_type(); });
  EXPECT_EQ(restore("type: 'Adam' momentum: 0.9"),
            state_ + ": the state holds 4 arrays, and update rule \"Adam\" keeps 8 for 4 parameters");
}

TEST_F(BadState, with_an_array_of_another_shape) {
  change([](SolverState& state) { state.mutable_history(1)->mutable_shape()->set_dim(0, 17); });
  EXPECT_EQ(restore(), state_ + ": history of layer \"ip1\", parameter 1: shape 17 where 16 is needed");
}

TEST_F(BadState, with_too_few_numbers) {
  change([](SolverState& state) { state.mutable_history(1)->mutable_data()->RemoveLast(); });
  EXPECT_EQ(restore(), state_ + ": history of layer \"ip1\", parameter 1: 15 values for shape 16");
}

TEST_F(BadState, with_a_truncated_model) {
  write_file(model_, read_file(model_).substr(0, 5000));
  EXPECT_EQ(restore(), fmt::format("{}: is not the model that was written with {}: it is damaged, or of another run",
                                   model_, state_));
  change([](SolverState& state) { state.clear_model_crc(); });  // as Caffe writes it
  EXPECT_EQ(restore(), model_ + ": not a binary model: it is of another kind or a part of it is missing");
}

TEST_F(BadState, with_a_model_that_lacks_layers) {
  ModelNet model = read_model(model_);
  while (model.layer(model.layer_size() - 1).name() != "relu") model.mutable_layer()->RemoveLast();
  write_binary(model_, model);
  change([](SolverState& state) { state.clear_model_crc(); });
  EXPECT_EQ(restore(), fmt::format("{}: has no parameters for ip2, with which {} was written", model_, state_));
}

// A few hundred bytes that hold everything a state can: history, an average, a monitored output, positions.
std::string small_state(const TempFolder& folder) {
  const std::string net = R"(
    layer { name: 'data' type: 'DummyData' top: 'x' top: 't' dummy_data_param { shape { dim: 2 dim: 2 }
            shape { dim: 2 dim: 1 } data_filler { value: 1 } data_filler { value: 0 } } }
    layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 1 } }
    layer { name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 't' top: 'loss' })";
  Solver(config("max_iter: 2 test_iter: 1 test_interval: 1 monitor: 'loss' ema_decay: 0.5 type: 'Adam'", folder, net))
      .solve();
  return read_file(folder / "s_iter_2.solverstate");
}

// Whether a file of these bytes is refused with an error that names it and says what to do.
testing::AssertionResult refused(const std::string& bytes, const TempFolder& folder) {
  const std::string file = folder.write("damaged.solverstate", bytes);
  const std::string message = message_of([&] { read_state(file); });
  if (message.starts_with(file + ": ") && message.ends_with(kTakeAnother)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << message;
}

TEST(SealedState, is_refused_wherever_it_is_cut) {
  const TempFolder folder;
  const std::string bytes = small_state(folder);
  ASSERT_FALSE(refused(bytes, folder));
  for (size_t i = 0; i < bytes.size(); ++i) {
    ASSERT_TRUE(refused(bytes.substr(0, i), folder)) << i << " bytes are left";
    ASSERT_TRUE(refused(bytes.substr(i + 1), folder)) << i + 1 << " bytes are missing at the front";
    for (size_t count : {1, 7, 11, 40}) {
      std::string gap = bytes;
      ASSERT_TRUE(refused(gap.erase(i, count), folder)) << count << " bytes are missing at " << i;
    }
  }
  ASSERT_TRUE(refused(bytes + bytes, folder));
  ASSERT_TRUE(refused(bytes + '\0', folder));
}

TEST(SealedState, is_refused_whatever_bit_has_changed) {
  const TempFolder folder;
  const std::string bytes = small_state(folder);
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bits = 1; bits < 256; ++bits) {
      const bool in_seal = i < 11, one = bits == 1 << i % 8, all = bits == 255;
      if (!in_seal && !one && !all) continue;
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ bits);
      ASSERT_TRUE(refused(damaged, folder)) << "byte " << i << ", bits " << bits;
    }
  }
}

// A state that another program has read and written again. It may have put the seal elsewhere.
TEST(SealedState, is_refused_with_its_seal_moved) {
  const TempFolder folder;
  SolverState state;
  ASSERT_TRUE(state.ParseFromString(small_state(folder)));
  EXPECT_EQ(state.iter(), 2);
  EXPECT_TRUE(refused(state.SerializeAsString(), folder));
  state.clear_seal();
  EXPECT_TRUE(refused(state.SerializeAsString(), folder));
}

TEST(SealedState, one_of_an_earlier_version_has_none_and_is_taken) {
  const TempFolder folder;
  Solver(config("max_iter: 1", folder)).solve();
  write_binary(folder / "old.solverstate", read_state(folder / "s_iter_1.solverstate"));
  Solver solver(config("", folder));
  const std::string log = log_of([&] { solver.restore(folder / "old.solverstate"); });
  EXPECT_EQ(solver.iteration(), 1);
  EXPECT_NE(log.find("old.solverstate: an earlier crema's, without a checksum"), std::string::npos) << log;
}

// If the newest snapshot's files are damaged in any way, the one before is taken, and the log says why.
TEST(SealedState, the_latest_is_the_newest_whose_state_and_model_are_whole) {
  const TempFolder folder;
  const SolverConfig run = config("max_iter: 2 snapshot: 1", folder);
  Solver(run).solve();
  const std::string state = folder / "s_iter_2.solverstate", model = folder / "s_iter_2.caffemodel";
  const std::string older = folder / "s_iter_1.solverstate";
  for (const std::string& file : {state, model}) {
    const std::string bytes = read_file(file);
    std::string changed = bytes;
    changed[bytes.size() / 2] ^= 4;
    for (const std::string& damaged : {changed, bytes.substr(0, bytes.size() - 1), std::string(), bytes + "x"}) {
      write_file(file, damaged);
      std::string found;
      const std::string log = log_of([&] { found = latest_state(run); });
      EXPECT_EQ(found, older);
      EXPECT_NE(log.find(file), std::string::npos) << log;
      EXPECT_NE(log.find("; looking for an older snapshot"), std::string::npos) << log;
    }
    write_file(file, bytes);
    EXPECT_EQ(latest_state(run), state);
  }
  std::filesystem::remove(model);
  EXPECT_EQ(latest_state(run), older);
  write_file(older, "");
  const std::string log = log_of([&] { EXPECT_EQ(latest_state(run), ""); });
  EXPECT_NE(log.find("none of the 2 snapshots of " + (folder / "s") + " is whole"), std::string::npos) << log;
}

// Here both trainings are in one process; tool_signals_test has two processes.
TEST(RunLock, two_trainings_do_not_write_the_same_files) {
  const TempFolder folder;
  SolverOptions options;
  std::string message;
  options.after_iteration = [&](const Progress& progress) {
    if (progress.iteration == 2) message = message_of([&] { Solver(config("", folder)).solve(); });
  };
  Solver(config("", folder), options).solve();
  EXPECT_TRUE(message.starts_with(
      fmt::format("{}:5:2: another training, process {} on host ", folder / "solver.prototxt", ::getpid())))
      << message;
  EXPECT_FALSE(std::filesystem::exists(folder / "s.lock"));
  EXPECT_EQ(message_of([&] { Solver(config("", folder)).solve(); }), "no error");
}

TEST(RunLock, other_files_of_that_name_are_left_alone) {
  const TempFolder folder;
  const std::string lock = folder / "s.lock";
  const SolverConfig config = parse_solver(
      "base_lr: 1 lr_policy: 'fixed' max_iter: 1\nsnapshot_prefix: '" + (folder / "s") + "'", "solver.prototxt");
  const auto refused = [&] {
    EXPECT_EQ(message_of([&] { RunLock{config}; }),
              "solver.prototxt:2:1: " + lock +
                  " exists and is not the lock of a training: move it away, or give another snapshot_prefix");
  };
  folder.write("s.lock", "precious");
  refused();
  EXPECT_EQ(read_file(lock), "precious");
  std::filesystem::remove(lock);
  std::filesystem::create_symlink(folder / "elsewhere", lock);
  refused();
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
  std::filesystem::remove(lock);
  ASSERT_EQ(::mkfifo(lock.c_str(), 0600), 0);
  refused();
  EXPECT_TRUE(std::filesystem::exists(lock));
}

TEST(RunLock, a_lock_that_a_killed_run_has_left_is_none) {
  const TempFolder folder;
  folder.write("s.lock", "process 1 on host gone\n");
  EXPECT_EQ(message_of([&] { Solver(config("", folder)).solve(); }), "no error");
}

// The error comes before any training.
TEST(Snapshot, training_refuses_names_that_are_too_long) {
  const TempFolder folder;
  int iterations = 0;
  SolverOptions options;
  options.after_iteration = [&](const Progress&) { ++iterations; };
  size_t refused = 0;
  for (const size_t length : {150, 200, 220, 235, 250, 300, 5000}) {
    for (const char* fields : {"", "keep_best: true monitor: 'accuracy' test_iter: 1 test_interval: 9 ema_decay: 0.5",
                               "metrics: false", "snapshot_after_train: false metrics: true"}) {
      SolverConfig run = config(std::string("max_iter: 1 ") + fields, folder);
      run.solver.set_snapshot_prefix(folder / std::string(length, 'n'));
      const std::string log = log_of([&] {
        const std::string message = message_of([&] { Solver(run, options).solve(); });
        if (message != "no error") ++refused;
        EXPECT_EQ(iterations, message == "no error" ? 1 : 0) << message;
        EXPECT_TRUE(iterations == 1 ||
                    message.find(" has a name that is too long for the file system") != std::string::npos)
            << message;
      });
      EXPECT_EQ(log.find("cannot write"), std::string::npos) << log;
      iterations = 0;
    }
  }
  EXPECT_GE(refused, 3u * 4u);
  EXPECT_LE(refused, 5u * 4u);
}

}  // namespace
}  // namespace crema

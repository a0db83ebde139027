// Solver: repeats forward, backward and update; also runs tests, logs progress, writes snapshots and resumes from them.
//
// Log lines have the words that the parsers of Caffe's logs look for.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/net_config.h"
#include "core/net.h"
#include "core/weights.h"
#include "solvers/evaluate.h"
#include "solvers/lr_policy.h"
#include "solvers/metrics.h"
#include "solvers/monitor.h"
#include "solvers/optimizer.h"
#include "solvers/progress.h"
#include "solvers/run_lock.h"
#include "solvers/weight_average.h"

namespace crema {

// What a signal or a program asks of a running training.
enum class Request { none, stop, snapshot };

struct SolverOptions {
  Engine engine = default_engine();
  Precision precision = Precision::f32;  // of the engine's products
  int threads = 0;                       // 0: what OpenMP would use
  std::optional<uint64_t> seed;          // replaces random_seed, and the seed of a restored state
  bool snapshots = true;                 // false: neither snapshots nor metrics are written, whatever the solver says
  bool log_iterations = true;            // false: no log lines every `display` iterations
  std::function<void(class Solver&)> after_build{};  // called once, when the nets are there for the first time
  std::function<void(const Progress&)> after_iteration{};
  // Asked after iterations and before test batches. A stopped test has no effect, as if it had not begun. A requested
  // snapshot is written after the iteration.
  std::function<Request()> poll{};
  // > 0: to see whether the net can learn at all. The train net's data layers read only this many records, the first
  // ones, in order and not mirrored; there is no dropout, no weight decay and no test net.
  uint64_t first_records = 0;
  std::shared_ptr<const RunLock> lock{};     // the lock of the run's files; null: solve() takes it while it runs
  std::shared_ptr<Algorithms> algorithms{};  // measured choices for convolutions; null: only direct ones
};

class Solver {
 public:
  // Builds the nets and loads the solver's `weights`. Throws Error.
  explicit Solver(SolverConfig config, SolverOptions options = {});
  explicit Solver(const std::string& path, SolverOptions options = {});

  Net& net() { return *net_; }  // valid until restore()
  int test_nets() const { return static_cast<int>(test_nets_.size()); }
  Net& test_net(int i) { return *test_nets_[i]; }
  int iteration() const { return iteration_; }  // iterations done
  uint64_t seed() const { return seed_; }

  // Copies a model's parameters into the train net. Logs and returns which layers matched. Throws Error.
  LoadReport load(const std::string& weights);

  // Resumes from a state, crema's or Caffe's, and the model that was written with it. If the state has another seed or
  // other algorithms, the nets are built anew. Throws Error if state and model do not fit; the solver cannot be used
  // afterwards.
  void restore(const std::string& state_path);

  // `n` iterations, with all tests and snapshots that fall into them, or fewer if SolverOptions::poll or early_stop
  // ends training. Returns the last iteration's loss. Throws Error if a loss is not finite, with where that began.
  double step(int n);

  // One pass of every test net, logged. False if SolverOptions::poll ended it: then the test nets' positions in the
  // data are those before.
  bool test();

  // The whole training: up to max_iter, a last snapshot, a last test. Throws Error if another run writes the files.
  void solve();

  // Throws Error if training would change nothing, or if snapshots and metrics cannot be written.
  void check_ready() const;

  // Writes model and state, and removes the older snapshots that keep_last does not keep. Throws Error if that fails.
  void snapshot() { write_snapshot(false); }

  // Whether SolverOptions::poll ended the last step().
  bool stopped() const { return stopped_; }

  // Records that an iteration takes; 0 if that is not known.
  long items() const { return net_->batch_size() * config_.solver.iter_size(); }

 private:
  void build_nets();
  std::vector<const Net*> all_test_nets() const;
  double iterate();
  double gradient();
  [[noreturn]] void explain(double loss);
  bool test_pass();
  void judge(const Evaluation& result);
  bool stop_asked();
  void remember(double loss);
  double mean_loss() const;
  Progress progress(float rate) const;
  void show(float rate);
  void report(float rate, const std::vector<Score>& outputs);
  void hold_row();
  void write_snapshot(bool best);
  void check_parameters() const;
  SolverState state() const;
  std::string run_heading() const;
  void warn_of_other_bits(const SolverState& state) const;
  bool try_snapshot(bool best = false);
  void start_metrics();
  void finish();
  void restore_progress(const SolverState& state);
  bool takes_algorithms(const SolverState& state);
  bool due(int interval) const { return interval > 0 && iteration_ % interval == 0; }
  bool test_due() const;

  SolverConfig config_;
  SolverOptions options_;
  uint64_t seed_;
  std::unique_ptr<Net> net_;
  std::vector<std::unique_ptr<Net>> test_nets_;
  std::unique_ptr<Optimizer> optimizer_;
  LrPolicy policy_;
  Monitor monitor_;
  std::unique_ptr<WeightAverage> average_;  // with ema_decay
  std::unique_ptr<Metrics> metrics_;        // while solve() runs

  int iteration_ = 0;
  double seconds_ = 0;                      // in iterations since this solver was made
  std::string restored_from_;               // the state's path
  std::deque<float> losses_;                // the latest average_loss ones, oldest first, as a state keeps them
  int tested_ = -1;                         // iteration of the last whole test
  Progress last_{};                         // of the last iteration
  int row_ = -1;                            // the last iteration that has its row in the metrics, or in held_
  std::optional<std::vector<Score>> held_;  // outputs of the last iteration, which has no row yet
  bool stopped_ = false;                    // SolverOptions::poll asked for it
  bool snapshot_asked_ = false;
  int last_snapshot_ = -1;  // iteration that it was written at
  std::chrono::steady_clock::time_point last_report_;
  int last_reported_ = 0;  // iteration
};

}  // namespace crema

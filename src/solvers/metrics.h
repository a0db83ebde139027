// What a run writes beside its snapshots, so that it can be looked at and compared:
//   PREFIX.metrics.jsonl               a JSON object on a line for each displayed iteration, the last, and each test
//   PREFIX_tensorboard/events.out...   the same for TensorBoard; histograms every histogram_interval iterations
//   PREFIX_run.prototxt                the solver with its nets as run, the seed and all overrides in it
//
// A file that cannot be written ends the metrics with one line in the log, not the training.
#pragma once

#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "config/net_config.h"
#include "core/net.h"
#include "solvers/evaluate.h"
#include "solvers/progress.h"
#include "solvers/snapshot.h"
#include "tensorboard.pb.h"

namespace crema {

class Metrics {
 public:
  // Starts the files at iteration 0. Otherwise continues those that exist: removes the rows of `iteration` and of later
  // ones; of tests only those of later ones if `tested` is `iteration`. If `more` iterations follow, an `out_of_turn`
  // row of a last iteration is removed, too.
  Metrics(const SolverConfig& config, int iteration, int tested, bool more);

  // One displayed iteration, which is not counted in `progress` yet. `out_of_turn`: the iteration is not displayed, but
  // it is the last one.
  void train(const Progress& progress, const std::vector<Score>& outputs, bool out_of_turn = false);
  // `with_loss`: the test's total loss was asked for.
  void test(int iteration, int net, const Evaluation& result, bool with_loss);
  // Histograms. `scale`: what the parameters' diffs are multiplied with to give the mean gradient.
  void weights(int iteration, const std::vector<NetParameterInfo>& parameters);
  void gradients(int iteration, const std::vector<NetParameterInfo>& parameters, double scale);

 private:
  using Clock = std::chrono::steady_clock;

  int64_t start_json(int iteration, int tested, bool more);
  void start_events(int iteration, int tested, int64_t left_out);
  double seconds() const;
  void write_json(const std::string& line);
  void write_event(int iteration, tensorboard::Summary summary);
  template <typename Action>
  void guarded(const Action& action);

  RunFiles files_;
  std::ofstream json_, events_;
  bool failed_ = false;
  Clock::time_point start_ = Clock::now();
  double last_train_ = 0;      // Progress::seconds of the row before
  double seconds_before_ = 0;  // of the run that is resumed
  int last_iteration_;
};

// The solver as it runs: its nets inline as they were filtered, files by the paths at which they were found, the seed.
// Reading it again and training gives the same run.
std::string run_text(const SolverConfig& config, uint64_t seed, const Net& train, const std::vector<const Net*>& tests);

}  // namespace crema

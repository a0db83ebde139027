// Solver: tests, and the decisions that depend on them.
#include "base/log.h"
#include "base/parallel.h"
#include "solvers/solver.h"

namespace crema {

// A state records whether the test of its iteration has been run, so that it is not run twice.
bool Solver::test_due() const {
  return !test_nets_.empty() && due(config_.solver.test_interval()) && tested_ != iteration_;
}

bool Solver::test() {
  const ThreadScope threads(options_.threads);
  std::vector<NetProgress> before(test_nets_.size());
  for (size_t i = 0; i < test_nets_.size(); ++i) test_nets_[i]->save_progress(&before[i]);
  if (test_pass()) return true;
  for (size_t i = 0; i < test_nets_.size(); ++i) test_nets_[i]->restore_progress(before[i]);
  return false;
}

bool Solver::test_pass() {
  std::vector<Evaluation> results;
  {
    const AverageScope scope(config_.solver.test_ema() ? average_.get() : nullptr);
    for (size_t i = 0; i < test_nets_.size(); ++i) {
      CREMA_INFO("Iteration {}, Testing net (#{})", iteration_, i);
      const int batches = config_.solver.test_iter(static_cast<int>(i));
      auto result = evaluate(*test_nets_[i], batches, [this] { return stop_asked(); });
      if (!result) return false;
      if (config_.solver.test_compute_loss()) CREMA_INFO("Test loss: {:g}", result->loss);
      int index = 0;
      for (const Score& score : result->scores) CREMA_INFO("    Test net output #{}: {}", index++, text(score));
      results.push_back(std::move(*result));
    }
  }
  tested_ = iteration_;
  for (size_t i = 0; metrics_ && i < results.size(); ++i) {
    metrics_->test(iteration_, static_cast<int>(i), results[i], config_.solver.test_compute_loss());
  }
  if (monitor_.active()) judge(results[static_cast<size_t>(monitor_.net())]);
  return true;
}

void Solver::judge(const Evaluation& result) {
  const bool best = monitor_.see(iteration_, result.scores);
  if (best && iteration_ > 0 && config_.solver.keep_best() && options_.snapshots) try_snapshot(true);
}

}  // namespace crema

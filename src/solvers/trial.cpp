#include "solvers/trial.h"

#include <algorithm>
#include <deque>
#include <numeric>

#include "solvers/check.h"
#include "solvers/snapshot.h"

namespace crema {

bool dry_run(SolverConfig config, SolverOptions options) {
  check_solver(config);
  SolverParameter& s = config.solver;
  const int batches = 2;
  s.set_test_initialization(false);
  for (int& test_iter : *s.mutable_test_iter()) test_iter = std::min(test_iter, batches);
  options.snapshots = false;
  Solver solver(config, std::move(options));
  solver.check_ready();
  if (writes_snapshots(config) || writes_metrics(config)) check_snapshot_folder(config);
  solver.step(2);
  return !solver.stopped() && (solver.test_nets() == 0 || solver.test());
}

Overfit overfit(SolverConfig config, SolverOptions options, uint64_t records) {
  for (auto clear : {&SolverParameter::clear_test_iter, &SolverParameter::clear_test_state,
                     &SolverParameter::clear_test_net, &SolverParameter::clear_test_net_param}) {
    (config.solver.*clear)();
  }
  options.snapshots = false;
  options.first_records = records;
  const int iterations = config.solver.max_iter();
  Solver solver(std::move(config), std::move(options));
  solver.check_ready();
  const auto batch = static_cast<uint64_t>(std::max(solver.items(), 1L));
  const size_t epoch = std::max<size_t>(1, (records + batch - 1) / batch);
  std::deque<double> losses;
  Overfit result{};
  const auto mean = [&] {
    return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
  };
  while (result.iterations < iterations && !solver.stopped() && !result.learned) {
    losses.push_back(solver.step(1));
    if (losses.size() > epoch) losses.pop_front();
    ++result.iterations;
    if (losses.size() < epoch) continue;
    result.last = mean();
    if (result.iterations == static_cast<int>(epoch)) result.first = result.last;
    result.learned = result.last < 0.05 * result.first;
  }
  result.stopped = solver.stopped() && !result.learned;
  check(result.stopped || result.iterations >= static_cast<int>(epoch),
        "max_iter {} is less than one pass over the {} records, {} iterations", iterations, records, epoch);
  return result;
}

}  // namespace crema

// Solver: writing snapshots and going on from them.
#include "base/crc32c.h"
#include "base/file.h"
#include "base/log.h"
#include "solvers/snapshot.h"
#include "solvers/solver.h"

namespace crema {
namespace {

// Runs an action that reads a part of a state; its errors get the state's name.
template <typename Action>
void named(const std::string& path, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    throw Error("{}: {}", path, error.what());
  }
}

}  // namespace

void Solver::write_snapshot(bool best) {
  const SnapshotFiles files = snapshot_files(config_, iteration_, best);
  CREMA_INFO("Snapshotting to binary proto file {}", files.model);
  const std::string model = binary(files.model, to_model(*net_, config_.solver.snapshot_diff()));
  write_file(files.model, model);
  if (average_) {
    const AverageScope scope(average_.get());
    write_file(files.average, binary(files.average, to_model(*net_, false)));
  }
  SolverState state;
  state.set_iter(iteration_);
  state.set_learned_net(files.model);
  state.set_model_crc(crc32c(model));
  state.set_current_step(policy_.current_step());
  state.set_seed(seed_);
  optimizer_->save(&state);
  if (average_) average_->save(&state);
  net_->save_progress(state.add_net());
  for (const auto& test : test_nets_) test->save_progress(state.add_net());
  for (const float loss : losses_) state.add_loss_window(loss);
  if (monitor_.active()) *state.mutable_monitor() = monitor_.state();
  state.set_tested(tested_);
  CREMA_INFO("Snapshotting solver state to binary proto file {}", files.state);
  write_file(files.state, binary(files.state, state));
  if (!best) last_snapshot_ = iteration_;
  const int keep = best ? 1 : config_.solver.keep_last();
  if (keep > 0) remove_older(config_, iteration_, keep, best);
}

// A disk that is full must not end a long training: what was written before still stands.
bool Solver::try_snapshot(bool best) {
  try {
    write_snapshot(best);
    return true;
  } catch (const Error& error) {
    CREMA_ERROR("snapshot of iteration {} failed: {}", iteration_, error.what());
    // A model without its state is of use at the end alone; before, it only takes the next one's place.
    if (iteration_ < config_.solver.max_iter()) remove_snapshot(snapshot_files(config_, iteration_, best));
    return false;
  }
}

void Solver::start_metrics() {
  const SolverParameter& s = config_.solver;
  const bool wanted = s.has_metrics() ? s.metrics() : writes_snapshots(config_);
  if (!options_.snapshots || !wanted) return;
  const std::string path = snapshot_prefix(config_) + "_run.prototxt";
  std::vector<const Net*> tests;
  for (const auto& test : test_nets_) tests.push_back(test.get());
  try {
    write_file(path, run_text(config_, seed_, *net_, tests));
  } catch (const Error& error) {
    CREMA_ERROR("the run's text is not kept: {}", error.what());
  }
  metrics_ = std::make_unique<Metrics>(config_, iteration_, tested_);
}

void Solver::restore(const std::string& state_path) {
  const SolverState state = read_state(state_path);
  const std::string model = find_model(state, state_path);
  if (state.has_seed() && !options_.seed && state.seed() != seed_) {
    seed_ = state.seed();
    build_nets();
  }
  named(state_path, [&] { optimizer_->restore(state); });
  const LoadReport loaded = load(model);
  check(loaded.left.empty(), "{}: has no parameters for {}, with which {} was written", model,
        fmt::join(loaded.left, ", "), state_path);
  iteration_ = state.iter();
  tested_ = state.tested();
  losses_.assign(state.loss_window().begin(), state.loss_window().end());
  named(state_path, [&] {
    if (average_) average_->restore(state);
    if (state.has_monitor() && monitor_.active()) monitor_.restore(state.monitor());
    restore_progress(state);
  });
  last_snapshot_ = iteration_;
  CREMA_INFO("Resuming from {} at iteration {}", state_path, iteration_);
  if (iteration_ >= config_.solver.max_iter()) {
    CREMA_WARN("nothing is left to train: {} is at iteration {}, and max_iter is {}", state_path, iteration_,
               config_.solver.max_iter());
  }
}

// A state of Caffe's says nothing of the data: its run had consumed a batch with every pass.
void Solver::restore_progress(const SolverState& state) {
  if (state.net_size() == 0) {
    const auto passes = static_cast<uint64_t>(iteration_) * static_cast<uint64_t>(config_.solver.iter_size());
    net_->restore_progress(net_->progress_after(passes));
    return;
  }
  net_->restore_progress(state.net(0));
  for (int i = 1; i < state.net_size() && i <= test_nets(); ++i) test_net(i - 1).restore_progress(state.net(i));
}

}  // namespace crema

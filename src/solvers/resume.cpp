// Solver: writing snapshots and resuming from them.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/crc32c.h"
#include "base/file.h"
#include "base/log.h"
#include "base/parallel.h"
#include "math/loops.h"
#include "math/math_info.h"
#include "solvers/snapshot.h"
#include "solvers/solver.h"

namespace crema {
namespace {

// Runs an action that reads a part of a state; adds the state's name to its errors.
template <typename Action>
void named(const std::string& path, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    throw Error("{}: {}", path, error.what());
  }
}

}  // namespace

// A snapshot with such parameters must not replace a good one.
void Solver::check_parameters() const {
  for (const NetParameterInfo& info : net_->parameters()) {
    const real* w = info.parameter->data();
    const long bad = parallel_sum(info.parameter->count(), 1, [w](long i) { return std::isfinite(w[i]) ? 0.0 : 1.0; });
    check(bad == 0, "parameter {} of layer \"{}\" is not finite any more", info.index, info.layer);
  }
}

SolverState Solver::state() const {
  SolverState state;
  state.set_iter(iteration_);
  state.set_current_step(policy_.steps_at(std::max(0, iteration_ - 1)));
  state.set_seed(seed_);
  optimizer_->save(&state);
  if (average_) average_->save(&state);
  net_->save_progress(state.add_net());
  for (const auto& test : test_nets_) test->save_progress(state.add_net());
  for (const float loss : losses_) state.add_loss_window(loss);
  if (monitor_.active()) *state.mutable_monitor() = monitor_.state();
  state.set_tested(tested_);
  state.set_engine(engine_name(options_.engine));
  state.set_precision(precision_name(options_.precision));
  state.set_threads(threads_of(options_.threads));
  if (!options_.algorithms) return state;
  for (const auto& [problem, pass, algorithm] : options_.algorithms->in_use()) {
    AlgorithmChoice* choice = state.add_algorithm();
    choice->set_problem(problem);
    choice->set_pass(pass);
    choice->set_algorithm(algorithm);
  }
  return state;
}

void Solver::write_snapshot(bool best) {
  const SnapshotFiles files = snapshot_files(config_, iteration_, best);
  check_parameters();
  std::vector<FileBytes> all;
  CREMA_INFO("Snapshotting to binary proto file {}", files.model);
  all.push_back({files.model, binary(files.model, to_model(*net_, config_.solver.snapshot_diff()))});
  if (average_) {
    const AverageScope scope(average_.get());
    all.push_back({files.average, binary(files.average, to_model(*net_, false))});
  }
  SolverState state = this->state();
  state.set_learned_net(files.model);
  state.set_model_crc(crc32c(all[0].bytes));
  CREMA_INFO("Snapshotting solver state to binary proto file {}", files.state);
  all.push_back({files.state, state_bytes(files.state, std::move(state))});
  write_files(all);
  if (best) return remove_other_best(config_, iteration_);
  last_snapshot_ = iteration_;
  if (config_.solver.keep_last() > 0) remove_older(config_, iteration_, config_.solver.keep_last());
}

// A full disk must not end a long training. Older snapshots are still there.
bool Solver::try_snapshot(bool best) {
  try {
    write_snapshot(best);
    return true;
  } catch (const std::exception& error) {
    CREMA_ERROR("snapshot of iteration {} failed: {}", iteration_, error.what());
    return false;
  }
}

std::string Solver::run_heading() const {
  const bool bf16 = options_.precision == Precision::bf16;
  const std::string flags = fmt::format("--engine {}{} --threads {}", engine_name(options_.engine),
                                        bf16 ? " --precision bf16" : "", threads_of(options_.threads));
  const std::string start = restored_from_.empty() ? "" : fmt::format("; it went on from {}", restored_from_);
  return fmt::format("# A run in {}, with {}{}.\n", std::filesystem::current_path().string(), flags, start);
}

void Solver::start_metrics() {
  if (!options_.snapshots || !writes_metrics(config_)) return;
  const std::string path = run_files(config_).text;
  try {
    write_file(path, run_heading() + run_text(config_, seed_, *net_, all_test_nets()));
  } catch (const Error& error) {
    CREMA_ERROR("the run's text is not kept: {}", error.what());
  }
  const bool more = iteration_ < config_.solver.max_iter() && !monitor_.exhausted();
  metrics_ = std::make_unique<Metrics>(config_, iteration_, tested_, more);
  row_ = iteration_ - 1;
}

void Solver::restore(const std::string& state_path) {
  bool sealed = false;
  const SolverState state = read_state(state_path, &sealed);
  const std::string model = find_model(state, state_path);
  const bool other_seed = state.has_seed() && !options_.seed && state.seed() != seed_;
  if (other_seed) seed_ = state.seed();
  if (takes_algorithms(state) || other_seed) build_nets();
  named(state_path, [&] { optimizer_->restore(state); });
  const LoadReport loaded = load(model);
  check(loaded.left.empty(), "{}: has no parameters for {}, with which {} was written", model,
        fmt::join(loaded.left, ", "), state_path);
  iteration_ = state.iter();
  restored_from_ = state_path;
  tested_ = state.tested();
  losses_.assign(state.loss_window().begin(), state.loss_window().end());
  if (state.average_size() > 0 && !average_) {
    CREMA_WARN("{}: holds averaged weights, which are not used: the solver has no ema_decay", state_path);
  }
  if (state.average_size() == 0 && average_) {
    CREMA_WARN("{}: holds no averaged weights: the average starts at its weights", state_path);
  }
  named(state_path, [&] {
    if (average_ && state.average_size() > 0) average_->restore(state);
    if (state.has_monitor() && monitor_.active()) monitor_.restore(state.monitor());
    restore_progress(state);
  });
  last_snapshot_ = iteration_;
  warn_of_other_bits(state);
  CREMA_INFO("Resuming from {} at iteration {}", state_path, iteration_);
  if (state.has_seed() && !sealed) {
    CREMA_WARN("{}: an earlier crema's, without a checksum: damage in it would not be noticed", state_path);
  }
  if (iteration_ >= config_.solver.max_iter()) {
    CREMA_WARN("nothing is left to train: {} is at iteration {}, and max_iter is {}", state_path, iteration_,
               config_.solver.max_iter());
  }
}

// Gives the state's algorithms to the store. Returns whether the current nets use other ones.
bool Solver::takes_algorithms(const SolverState& state) {
  if (!options_.algorithms) return false;
  const auto before = options_.algorithms->in_use();
  give_algorithms(state, options_.algorithms.get());
  return std::any_of(before.begin(), before.end(), [this](const Algorithms::Choice& choice) {
    const std::string now = options_.algorithms->find(choice.problem, choice.pass);
    return now != choice.algorithm;
  });
}

// Results are bit-identical only if the same sums are computed in the same order.
void Solver::warn_of_other_bits(const SolverState& state) const {
  const std::string engine = engine_name(options_.engine);
  if (state.has_engine() && state.engine() != engine) {
    CREMA_WARN("the run was computed by engine {} and goes on with {}: its last bits will differ from an uncut one's",
               state.engine(), engine);
  }
  const auto measured = [](const AlgorithmChoice& choice) { return choice.algorithm() != "direct"; };
  const bool any_measured = std::any_of(state.algorithm().begin(), state.algorithm().end(), measured);
  if (!options_.algorithms && any_measured) {
    CREMA_WARN(
        "the run computed convolutions by measured algorithms and goes on with direct ones alone: its last bits "
        "will differ from an uncut one's");
  }
  const std::string precision = precision_name(options_.precision);
  if (state.has_precision() && state.precision() != precision) {
    CREMA_WARN("the run was computed with precision {} and goes on with {}: it will differ from an uncut one's",
               state.precision(), precision);
  }
  if (state.has_threads() && state.threads() != threads_of(options_.threads)) {
    CREMA_WARN("the run was computed with {} threads and goes on with {}: its last bits may differ from an uncut one's",
               state.threads(), threads_of(options_.threads));
  }
}

// A state of Caffe's does not hold the position in the data: its run consumed one batch in each pass.
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

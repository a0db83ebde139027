// Solver: writing snapshots and going on from them.
#include "base/log.h"
#include "solvers/snapshot.h"
#include "solvers/solver.h"

namespace crema {
namespace {

// A state of Caffe's says nothing of the data. Its run had consumed a batch with every pass, so the layers of the train
// net that read data go on from there.
NetProgress progress_after(const Net& net, uint64_t passes) {
  NetProgress progress;
  net.save_progress(&progress);
  progress.set_passes(passes);
  for (LayerProgress& layer : *progress.mutable_layer()) {
    const Blob& batch = *net.tops(net.layer_index(layer.name()))[0];
    layer.set_position(passes * static_cast<uint64_t>(batch.axes() > 0 ? batch.dim(0) : 1));
  }
  return progress;
}

}  // namespace

void Solver::snapshot() {
  const SnapshotFiles files = snapshot_files(config_, iteration_);
  CREMA_INFO("Snapshotting to binary proto file {}", files.model);
  write_binary(files.model, to_model(*net_, config_.solver.snapshot_diff()));
  SolverState state;
  state.set_iter(iteration_);
  state.set_learned_net(files.model);
  state.set_current_step(policy_.current_step());
  state.set_seed(seed_);
  optimizer_->save(&state);
  net_->save_progress(state.add_net());
  for (const auto& test : test_nets_) test->save_progress(state.add_net());
  for (const float loss : losses_) state.add_loss_window(loss);
  CREMA_INFO("Snapshotting solver state to binary proto file {}", files.state);
  write_binary(files.state, state);
  last_snapshot_ = iteration_;
}

// A disk that is full must not end a long training: what was written before still stands.
bool Solver::try_snapshot() {
  try {
    snapshot();
    return true;
  } catch (const Error& error) {
    CREMA_ERROR("snapshot of iteration {} failed: {}", iteration_, error.what());
    return false;
  }
}

void Solver::restore(const std::string& state_path) {
  const SolverState state = read_state(state_path);
  const std::string model = find_model(state, state_path);
  if (state.has_seed() && !options_.seed && state.seed() != seed_) {
    seed_ = state.seed();
    build_nets();
  }
  try {
    optimizer_->restore(state);
  } catch (const Error& error) {
    throw Error("{}: {}", state_path, error.what());
  }
  const LoadReport loaded = load(model);
  check(loaded.left.empty(), "{}: has no parameters for {}, with which {} was written", model,
        fmt::join(loaded.left, ", "), state_path);
  iteration_ = state.iter();
  losses_.assign(state.loss_window().begin(), state.loss_window().end());
  try {
    restore_progress(state);
  } catch (const Error& error) {
    throw Error("{}: {}", state_path, error.what());
  }
  last_snapshot_ = iteration_;
  CREMA_INFO("Resuming from {} at iteration {}", state_path, iteration_);
  if (iteration_ >= config_.solver.max_iter()) {
    CREMA_WARN("nothing is left to train: {} is at iteration {}, and max_iter is {}", state_path, iteration_,
               config_.solver.max_iter());
  }
}

void Solver::restore_progress(const SolverState& state) {
  if (state.net_size() == 0) {
    const auto passes = static_cast<uint64_t>(iteration_) * static_cast<uint64_t>(config_.solver.iter_size());
    net_->restore_progress(progress_after(*net_, passes));
    return;
  }
  net_->restore_progress(state.net(0));
  for (int i = 1; i < state.net_size() && i <= test_nets(); ++i) test_net(i - 1).restore_progress(state.net(i));
}

}  // namespace crema

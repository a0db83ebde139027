#include "solvers/solver.h"

#include <cmath>

#include "base/log.h"
#include "base/parallel.h"
#include "config/files.h"
#include "solvers/build.h"
#include "solvers/check.h"
#include "solvers/snapshot.h"

namespace crema {
namespace {

// `random_seed`, or a drawn one that fits into that field, so that the run can be repeated.
uint64_t choose_seed(const SolverConfig& config, const SolverOptions& options) {
  if (options.seed) return *options.seed;
  const int64_t given = config.solver.random_seed();
  return given >= 0 ? static_cast<uint64_t>(given) : draw_seed() >> 1;
}

SolverConfig checked(SolverConfig config) {
  check_solver(config);
  resolve_files(config.solver, config.source);
  return config;
}

}  // namespace

Solver::Solver(const std::string& path, SolverOptions options) : Solver(read_solver(path), std::move(options)) {}

Solver::Solver(SolverConfig config, SolverOptions options)
    : config_(checked(std::move(config))),
      options_(std::move(options)),
      seed_(choose_seed(config_, options_)),
      policy_(config_) {
  build_nets();
  for (const std::string& weights : config_.solver.weights()) load(weights);
}

void Solver::build_nets() {
  CREMA_INFO("Random seed: {}", seed_);
  SolverNets nets = solver_nets(config_);
  test_nets_.clear();
  optimizer_.reset();
  net_.reset();
  NetOptions options;
  options.seed = seed_;
  options.threads = options_.threads;
  options.engine = options_.engine;
  net_ = std::make_unique<Net>(std::move(nets.train), options);
  options.partner = net_.get();
  for (NetConfig& test : nets.tests) {
    test_nets_.push_back(std::make_unique<Net>(std::move(test), options));
    test_nets_.back()->set_debug_info(config_.solver.debug_info());
  }
  optimizer_ = std::make_unique<Optimizer>(config_, net_->parameters());
}

LoadReport Solver::load(const std::string& weights) {
  const LoadReport report = load_weights(weights, net_.get());
  CREMA_INFO("Loaded {} layers from {}", report.layers, weights);
  if (report.layers == 0) CREMA_WARN("{} has parameters for no layer of the net: layers are matched by name", weights);
  if (!report.left.empty()) CREMA_INFO("Layers that it does not have: {}", fmt::join(report.left, ", "));
  if (!report.unused.empty()) CREMA_INFO("Layers of it that the net does not have: {}", fmt::join(report.unused, ", "));
  return report;
}

void Solver::solve() {
  const ThreadScope threads(options_.threads);
  CREMA_INFO("Solving {}", net_->name());
  CREMA_INFO("Learning Rate Policy: {}", config_.solver.lr_policy());
  bool learns = false;
  for (int i = 0; i < net_->layers(); ++i) learns = learns || net_->runs_backward(i);
  if (!learns)
    CREMA_WARN("net \"{}\" has no loss that a parameter has a part in: training changes nothing", net_->name());
  if (options_.snapshots && (config_.solver.snapshot() > 0 || config_.solver.snapshot_after_train())) {
    check_snapshot_folder(config_);
  }
  step(std::max(0, config_.solver.max_iter() - iteration_));
  finish();
}

void Solver::finish() {
  const bool wanted = stopped_ ? iteration_ > 0 : config_.solver.snapshot_after_train();
  const bool saved = !options_.snapshots || !wanted || last_snapshot_ == iteration_ || try_snapshot();
  if (stopped_ || (due(config_.solver.test_interval()) && !test_all())) {
    CREMA_INFO("Optimization stopped early.");
  } else {
    if (due(config_.solver.display()) && options_.log_iterations) {
      remember(static_cast<double>(net_->forward()));
      CREMA_INFO("Iteration {}, loss = {:g}", iteration_, mean_loss());
    }
    CREMA_INFO("Optimization Done.");
  }
  check(saved, "the training's last snapshot could not be written");
}

double Solver::step(int n) {
  const ThreadScope threads(options_.threads);
  double loss = 0;
  stopped_ = false;
  last_report_ = std::chrono::steady_clock::now();
  last_reported_ = iteration_;
  for (const int end = iteration_ + n; iteration_ < end;) {
    const bool first = iteration_ == 0;
    if (due(config_.solver.test_interval()) && (!first || config_.solver.test_initialization()) && !test_all()) break;
    loss = iterate();
    if (due(config_.solver.snapshot()) && options_.snapshots) try_snapshot();
    if (options_.stop && options_.stop()) {
      stopped_ = true;
      break;
    }
  }
  return loss;
}

// One iteration; its loss.
double Solver::iterate() {
  const float rate = policy_.rate(iteration_);
  const int display = config_.solver.display();
  net_->set_debug_info(config_.solver.debug_info() && (display == 0 || due(display)));
  optimizer_->look_ahead(iteration_, rate);
  const double loss = gradient();
  check(std::isfinite(loss),
        "{}: iteration {}: the loss is {}; the steps are probably too large: try a smaller base_lr (now {})",
        config_.source.at("base_lr"), iteration_, loss, config_.solver.base_lr());
  remember(loss);
  if (due(config_.solver.display()) && options_.log_iterations) report(rate);
  optimizer_->update(iteration_, rate);
  ++iteration_;
  if (options_.after_iteration) {
    options_.after_iteration({iteration_, config_.solver.max_iter(), mean_loss(), rate, items()});
  }
  return loss;
}

// Sums the gradients of iter_size passes; the mean of their losses.
double Solver::gradient() {
  double loss = 0;
  for (int pass = 0; pass < config_.solver.iter_size(); ++pass) {
    loss += static_cast<double>(net_->forward());
    net_->backward();
  }
  return loss / config_.solver.iter_size();
}

void Solver::remember(double loss) {
  losses_.push_back(static_cast<float>(loss));
  while (losses_.size() > static_cast<size_t>(config_.solver.average_loss())) losses_.pop_front();
}

double Solver::mean_loss() const {
  double sum = 0;
  for (const float loss : losses_) sum += static_cast<double>(loss);
  return sum / static_cast<double>(losses_.size());
}

void Solver::report(float rate) {
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - last_report_).count();
  CREMA_INFO("Iteration {} ({:g} iter/s, {:g}s/{} iters), loss = {:g}", iteration_,
             (iteration_ - last_reported_) / std::max(seconds, 1e-9), seconds, config_.solver.display(), mean_loss());
  last_report_ = now;
  last_reported_ = iteration_;
  int index = 0;
  for (const Score& score : scores(*net_)) CREMA_INFO("    Train net output #{}: {}", index++, text(score));
  CREMA_INFO("Iteration {}, lr = {:g}", iteration_, rate);
}

// False if SolverOptions::stop ended it: then the test nets' data stand where they stood before.
bool Solver::test_all() {
  std::vector<NetProgress> before(test_nets_.size());
  for (size_t i = 0; i < test_nets_.size(); ++i) test_nets_[i]->save_progress(&before[i]);
  for (size_t i = 0; i < test_nets_.size(); ++i) {
    CREMA_INFO("Iteration {}, Testing net (#{})", iteration_, i);
    const auto result = evaluate(*test_nets_[i], config_.solver.test_iter(static_cast<int>(i)), options_.stop);
    if (!result) {
      for (size_t k = 0; k < test_nets_.size(); ++k) test_nets_[k]->restore_progress(before[k]);
      stopped_ = true;
      return false;
    }
    if (config_.solver.test_compute_loss()) CREMA_INFO("Test loss: {:g}", result->loss);
    int index = 0;
    for (const Score& score : result->scores) CREMA_INFO("    Test net output #{}: {}", index++, text(score));
  }
  return true;
}

// The records in the first top of the first layer that reads nothing: a data layer, as nets are written.
long Solver::items() const {
  for (int i = 0; i < net_->layers(); ++i) {
    if (!net_->bottoms(i).empty() || net_->tops(i).empty()) continue;
    const Blob& data = *net_->tops(i)[0];
    return data.axes() > 0 ? data.dim(0) * config_.solver.iter_size() : 0;
  }
  return 0;
}

}  // namespace crema

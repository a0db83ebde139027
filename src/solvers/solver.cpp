#include "solvers/solver.h"

#include <cmath>

#include "base/log.h"
#include "base/parallel.h"
#include "config/files.h"
#include "core/not_finite.h"
#include "solvers/build.h"
#include "solvers/check.h"
#include "solvers/first_records.h"
#include "solvers/snapshot.h"

namespace crema {
namespace {

// `random_seed`, or a drawn seed that fits into that field, so that the run can be repeated.
uint64_t choose_seed(const SolverConfig& config, const SolverOptions& options) {
  if (options.seed) return *options.seed;
  const int64_t given = config.solver.random_seed();
  return given >= 0 ? static_cast<uint64_t>(given) : draw_seed() >> 1;
}

SolverConfig checked(SolverConfig config, const SolverOptions& options) {
  check_solver(config);
  resolve_files(config.solver, config.source);
  if (options.first_records > 0) drop_regularization(&config.solver);
  return config;
}

// Advice on what to try if the loss is not finite.
std::string advice(const std::optional<NotFinite>& found, const SolverConfig& config, int iteration) {
  const std::string smaller =
      fmt::format("try a smaller base_lr (now {}), clip_gradients or warmup_iter", config.solver.base_lr());
  if (!found) return "a repeated pass found nothing that is not finite: the sum of the losses alone is too large";
  switch (found->where) {
    case NotFinite::data:
      return "the input data contain it: check that record and transform_param.scale";
    case NotFinite::parameter:
      return iteration == 0 ? "the weights that training started from hold it"
                            : fmt::format("the update of iteration {} made it: {}", iteration - 1, smaller);
    default:
      return iteration == 0 ? "look at the layer's inputs and at the fillers below it, or " + smaller : smaller;
  }
}

}  // namespace

Solver::Solver(const std::string& path, SolverOptions options) : Solver(read_solver(path), std::move(options)) {}

Solver::Solver(SolverConfig config, SolverOptions options)
    : config_(checked(std::move(config), options)),
      options_(std::move(options)),
      seed_(choose_seed(config_, options_)),
      policy_(config_),
      monitor_(config_) {
  build_nets();
  if (options_.after_build) options_.after_build(*this);
  for (const std::string& weights : config_.solver.weights()) load(weights);
}

void Solver::build_nets() {
  CREMA_INFO("Random seed: {}", seed_);
  SolverNets nets = solver_nets(config_);
  if (options_.first_records > 0) take_first_records(options_.first_records, &nets);
  test_nets_.clear();
  average_.reset();
  optimizer_.reset();
  net_.reset();
  NetOptions options;
  options.seed = seed_;
  options.threads = options_.threads;
  options.engine = options_.engine;
  options.algorithms = options_.algorithms;
  options.precision = options_.precision;
  options.fuse = !config_.solver.debug_info();  // debug_info shows the values between layers
  net_ = std::make_unique<Net>(std::move(nets.train), options);
  options.partner = net_.get();
  for (NetConfig& test : nets.tests) {
    test_nets_.push_back(std::make_unique<Net>(std::move(test), options));
    test_nets_.back()->set_debug_info(config_.solver.debug_info());
  }
  if (options_.first_records == 0) monitor_.check_nets(all_test_nets());
  optimizer_ = std::make_unique<Optimizer>(config_, net_->parameters());
  const float decay = config_.solver.ema_decay();
  if (decay > 0) average_ = std::make_unique<WeightAverage>(decay, net_->parameters());
}

std::vector<const Net*> Solver::all_test_nets() const {
  std::vector<const Net*> all;
  for (const auto& net : test_nets_) all.push_back(net.get());
  return all;
}

LoadReport Solver::load(const std::string& weights) {
  LoadReport report = load_weights(weights, net_.get());
  if (average_) average_->restart();
  CREMA_INFO("Loaded {} layer{} from {}", report.layers, report.layers == 1 ? "" : "s", weights);
  if (!report.left.empty()) CREMA_INFO("Layers that it does not have: {}", fmt::join(report.left, ", "));
  if (!report.unused.empty()) CREMA_INFO("Layers of it that the net does not have: {}", fmt::join(report.unused, ", "));
  return report;
}

void Solver::check_ready() const {
  check_trains(*net_);
  if (!options_.snapshots) return;
  if (writes_snapshots(config_) || writes_metrics(config_)) return check_snapshot_folder(config_);
  if (!options_.poll) return;
  try {
    check_snapshot_folder(config_);
  } catch (const Error& error) {
    CREMA_WARN("a stop will leave no snapshot: {}", error.what());
  }
}

void Solver::solve() {
  const ThreadScope threads(options_.threads);
  CREMA_INFO("Solving {}", net_->name());
  CREMA_INFO("Learning Rate Policy: {}", config_.solver.lr_policy());
  check_ready();
  const auto lock = options_.snapshots && !options_.lock ? lock_files(config_) : options_.lock;
  if (options_.snapshots) remove_remains(config_);
  start_metrics();
  step(std::max(0, config_.solver.max_iter() - iteration_));
  if (held_) metrics_->train(last_, *std::exchange(held_, std::nullopt), true);
  finish();
  metrics_.reset();
}

void Solver::finish() {
  const bool wanted = stopped_ ? iteration_ > 0 : config_.solver.snapshot_after_train();
  const bool saved = !options_.snapshots || !wanted || last_snapshot_ == iteration_ || try_snapshot();
  if (stopped_ || (test_due() && !test())) {
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
    const bool wanted = iteration_ > 0 || config_.solver.test_initialization();
    if (test_due() && wanted) {
      hold_row();
      if (!test()) break;
    }
    if (monitor_.exhausted()) {
      CREMA_INFO("Iteration {}: early_stop: {}", iteration_, monitor_.text());
      break;
    }
    loss = iterate();
    const bool stop = stop_asked();
    if ((due(config_.solver.snapshot()) || snapshot_asked_) && options_.snapshots) try_snapshot();
    snapshot_asked_ = false;
    if (stop) break;
  }
  hold_row();
  return loss;
}

// Runs one iteration and returns its loss.
double Solver::iterate() {
  policy_.set_drops(monitor_.drops());
  held_.reset();
  const auto start = std::chrono::steady_clock::now();
  const float rate = policy_.rate(iteration_);
  check(std::isfinite(rate), "{}: iteration {}: lr_policy {} gives a learning rate of {}",
        config_.source.at("lr_policy"), iteration_, in_quotes(config_.solver.lr_policy()), rate);
  const int display = config_.solver.display();
  net_->set_debug_info(config_.solver.debug_info() && (display == 0 || due(display)));
  const bool histograms = metrics_ && due(config_.solver.histogram_interval());
  if (histograms) metrics_->weights(iteration_, net_->parameters());
  optimizer_->look_ahead(iteration_, rate);
  const double loss = gradient();
  remember(loss);
  last_ = progress(rate);
  show(rate);
  if (histograms) metrics_->gradients(iteration_, net_->parameters(), 1.0 / config_.solver.iter_size());
  optimizer_->update(iteration_, rate);
  if (average_) average_->update(iteration_);
  ++iteration_;
  seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options_.after_iteration) options_.after_iteration(progress(rate));
  return loss;
}

// Sums the gradients of iter_size passes and returns the mean of their losses.
double Solver::gradient() {
  double sum = 0;
  for (int pass = 0; pass < config_.solver.iter_size(); ++pass) {
    const auto loss = static_cast<double>(net_->forward());
    if (!std::isfinite(loss)) explain(loss);
    sum += loss;
    net_->backward();
  }
  return sum / config_.solver.iter_size();
}

// Says where a loss that is not finite came from.
void Solver::explain(double loss) {
  const std::optional<NotFinite> found = find_not_finite(*net_);
  throw Error("{}: iteration {}: the loss is {}; {}{}", config_.source.at("base_lr"), iteration_,
              std::isnan(loss) ? "nan" : "infinite", found ? "first, " + found->what + "; " : "",
              advice(found, config_, iteration_));
}

bool Solver::stop_asked() {
  const Request request = options_.poll ? options_.poll() : Request::none;
  snapshot_asked_ = snapshot_asked_ || request == Request::snapshot;
  stopped_ = stopped_ || request == Request::stop;
  return stopped_;
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

Progress Solver::progress(float rate) const {
  return {iteration_, config_.solver.max_iter(), mean_loss(), rate, items(), seconds_};
}

// Writes a displayed iteration to the log and the metrics. If no iteration is displayed, metrics get every iteration.
void Solver::show(float rate) {
  const int display = config_.solver.display();
  const bool logged = due(display) && options_.log_iterations, kept = metrics_ && (display == 0 || due(display));
  if (!logged && !kept) return;
  const std::vector<Score> outputs = scores(*net_);
  if (logged) report(rate, outputs);
  if (!kept) return;
  metrics_->train(last_, outputs);
  row_ = iteration_;
}

// Keeps the outputs for a row of the last iteration, in case no iteration follows: a test may overwrite their memory.
void Solver::hold_row() {
  const int last = iteration_ - 1;
  if (!metrics_ || row_ >= last) return;
  row_ = last;
  held_ = scores(*net_);
}

void Solver::report(float rate, const std::vector<Score>& outputs) {
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - last_report_).count();
  CREMA_INFO("Iteration {} ({:g} iter/s, {:g}s/{} iters), loss = {:g}", iteration_,
             (iteration_ - last_reported_) / std::max(seconds, 1e-9), seconds, config_.solver.display(), mean_loss());
  last_report_ = now;
  last_reported_ = iteration_;
  int index = 0;
  for (const Score& score : outputs) CREMA_INFO("    Train net output #{}: {}", index++, text(score));
  CREMA_INFO("Iteration {}, lr = {:g}", iteration_, rate);
}

}  // namespace crema

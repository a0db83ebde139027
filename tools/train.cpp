// crema train: trains the net that a solver names.
#include <optional>
#include <sstream>

#include "base/log.h"
#include "commands.h"
#include "progress_line.h"
#include "solvers/snapshot.h"
#include "solvers/trial.h"
#include "train_flags.h"

namespace crema {
namespace {

void log_lines(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CREMA_INFO("{}", line);
}

// The state that --resume names; "" if there is none.
std::string state_to_resume(const TrainFlags& flags, const SolverConfig& config) {
  return flags.resume == "latest" ? latest_state(config) : flags.resume;
}

void report(const Overfit& result, uint64_t records) {
  if (result.stopped) return CREMA_INFO("--overfit {}: stopped after {} iterations", records, result.iterations);
  check(result.learned,
        "--overfit {}: the net cannot learn these records: their loss is {:g} after {} iterations, and was {:g}; look "
        "at labels, scale of the data, fillers and base_lr before training on more",
        records, result.last, result.iterations, result.first);
  fmt::print("The net can learn: on {} records the loss fell from {:g} to {:g} in {} iterations\n", records,
             result.first, result.last, result.iterations);
}

// Returns whether the training was stopped before its end.
bool train_whole(const TrainFlags& flags, SolverConfig config, SolverOptions options) {
  options.lock = lock_files(config);
  const std::string state = state_to_resume(flags, config);
  if (!state.empty()) {
    config.solver.clear_weights();
    // With the state's seed and algorithms, the nets need not be built a second time.
    const SolverState known = read_state(state);
    if (known.has_seed() && !options.seed) options.seed = known.seed();
    if (options.algorithms) give_algorithms(known, options.algorithms.get());
  }
  Solver solver(std::move(config), std::move(options));
  if (!state.empty()) solver.restore(state);
  log_lines(solver.net().summary());
  solver.solve();
  return solver.stopped();
}

// Returns the exit code. If a signal stopped the training, it is the code that a shell reports for a program that a
// signal ended.
int train(const TrainFlags& flags) {
  for (const std::string& file : flags.weights) check_is_model(file);
  check_is_state(flags.resume);
  SolverConfig config = read_solver(flags.solver, flags.settings);
  flags.state.add_to(&config);
  flags.start_from_weights(&config);
  SolverOptions options{
      .engine = flags.run.engine, .precision = flags.run.precision, .threads = flags.run.threads, .seed = flags.seed};
  options.algorithms = algorithms(flags.run);
  options.poll = Signals::asked;
  options.after_build = [&flags, config](Solver& solver) { log_gpu_requests(flags.run, config, solver); };
  std::optional<ProgressLine> line;
  if (ProgressLine::possible()) {
    line.emplace();
    options.log_iterations = false;
    options.after_iteration = [&line](const Progress& progress) { line->show(progress); };
  }
  const Signals signals(flags.signals);
  bool stopped = false;
  if (flags.overfit > 0) {
    const Overfit result = overfit(std::move(config), std::move(options), flags.overfit);
    report(result, flags.overfit);
    stopped = result.stopped;
  } else if (flags.dry_run) {
    stopped = !dry_run(std::move(config), std::move(options));
    if (!stopped) fmt::print("Dry run: two iterations and two batches of each test net ran; nothing was written\n");
  } else {
    stopped = train_whole(flags, std::move(config), std::move(options));
  }
  return stopped ? 128 + Signals::stopped_by() : 0;
}

}  // namespace

void add_train(CLI::App& app) {
  const auto flags = std::make_shared<TrainFlags>();
  CLI::App* command = app.add_subcommand("train", "train a net, from the start, from weights or from a snapshot");
  add_train_flags(*command, flags.get());
  command->footer(
      "Example:\n  crema train --solver models/lenet/solver.prototxt\n"
      "  crema train --solver models/lenet/solver.prototxt --resume latest\n"
      "Ctrl-C ends the training after the iteration under way, with a snapshot; a second one ends it at once.");
  command->callback([flags] {
    if (const int code = train(*flags); code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace crema

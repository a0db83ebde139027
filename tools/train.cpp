// crema train: trains the net that a solver names.
#include <optional>
#include <sstream>

#include "base/log.h"
#include "commands.h"
#include "flags.h"
#include "interrupt.h"
#include "progress_line.h"
#include "solvers/solver.h"

namespace crema {
namespace {

struct TrainFlags {
  std::string solver, snapshot;
  std::vector<std::string> weights;
  std::optional<uint64_t> seed;
  std::vector<std::string> settings;
  StateFlags state;
  RunFlags run;
};

void log_lines(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CREMA_INFO("{}", line);
}

void train(const TrainFlags& flags) {
  SolverConfig config = read_solver(flags.solver, flags.settings);
  flags.state.add_to(config.solver.mutable_train_state());
  if (!flags.snapshot.empty() || !flags.weights.empty()) config.solver.clear_weights();
  SolverOptions options{.engine = flags.run.engine, .threads = flags.run.threads, .seed = flags.seed};
  options.stop = Interrupt::asked;
  std::optional<ProgressLine> line;
  if (ProgressLine::possible()) {
    line.emplace();
    options.log_iterations = false;
    options.after_iteration = [&line](const Progress& progress) { line->show(progress); };
  }

  Solver solver(config, std::move(options));
  log_gpu_requests(flags.run, config, solver);
  if (!flags.snapshot.empty()) solver.restore(flags.snapshot);
  for (const std::string& weights : flags.weights) solver.load(weights);
  log_lines(solver.net().summary());

  const Interrupt interrupt;
  solver.solve();
}

}  // namespace

void add_train(CLI::App& app) {
  const auto flags = std::make_shared<TrainFlags>();
  CLI::App* command = app.add_subcommand("train", "train a net, from the start, from weights or from a snapshot");
  command->add_option("--solver", flags->solver, "the solver's prototxt")->required()->check(kFileName);
  auto* weights = command->add_option("--weights", flags->weights,
                                      "start from the parameters in these .caffemodel files, separated by commas");
  weights->delimiter(',')->check(kFileName);
  command->add_option("--snapshot", flags->snapshot, "go on from this .solverstate")
      ->check(kFileName)
      ->excludes(weights);
  command->add_option("--seed", flags->seed, "of all random numbers, instead of the solver's random_seed")
      ->check(CLI::Validator(
          [](const std::string& n) { return n.starts_with('-') ? n + " is negative" : std::string(); }, "N", "seed"));
  add_set_flag(*command, flags->settings);
  add_state_flags(*command, flags->state);
  add_run_flags(*command, flags->run);
  command->footer(
      "Example:\n  crema train --solver models/lenet/solver.prototxt\n"
      "Ctrl-C ends the training after the iteration under way, with a snapshot; a second one ends it at once.");
  command->callback([flags] { train(*flags); });
}

}  // namespace crema

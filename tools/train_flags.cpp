#include "train_flags.h"

#include <charconv>
#include <limits>
#include <map>

namespace crema {
namespace {

void add_signal_flag(CLI::App& command, const char* name, const char* what, std::optional<Request>* effect) {
  static const std::map<std::string, Request> kEffects = {
      {"stop", Request::stop}, {"snapshot", Request::snapshot}, {"none", Request::none}};
  command
      .add_option_function<std::string>(
          name, [effect](const std::string& text) { *effect = kEffects.at(text); }, what)
      ->check(CLI::IsMember({"stop", "snapshot", "none"}).description("stop|snapshot|none"));
}

// Not parsed by CLI11, which turns numbers beyond 64 bits into the largest number.
uint64_t seed_of(const std::string& text) {
  uint64_t seed = 0;
  const char* end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, seed);
  if (error == std::errc() && read == end) return seed;
  throw CLI::ValidationError("--seed", fmt::format("{} is no whole number from 0 to {}", crema::in_quotes(text),
                                                   std::numeric_limits<uint64_t>::max()));
}

}  // namespace

void TrainFlags::start_from_weights(SolverConfig* config) const {
  if (weights.empty()) return;
  config->solver.clear_weights();
  for (const std::string& file : weights) {
    config->source.set(fmt::format("weights[{}]", config->solver.weights_size()), {.flag = "--weights " + file});
    config->solver.add_weights(file);
  }
}

void add_train_flags(CLI::App& command, TrainFlags* flags) {
  command.add_option("--solver,SOLVER", flags->solver, "the solver's prototxt")->required()->check(kFileName);
  auto* weights = command.add_option("--weights", flags->weights,
                                     "start from the parameters in these .caffemodel files, separated by commas");
  weights->delimiter(',')->check(kFileName);
  auto* resume = command.add_option(
      "--resume,--snapshot", flags->resume,
      "go on from this .solverstate; latest: from the newest one of this solver that can be read, if there is one");
  resume->check(kFileName)->excludes(weights);
  command
      .add_option_function<std::string>(
          "--seed", [flags](const std::string& text) { flags->seed = seed_of(text); },
          "of all random numbers, instead of the solver's random_seed")
      ->type_name("N");
  add_signal_flag(command, "--sigint_effect", "what Ctrl-C does: stop (the default), snapshot or none",
                  &flags->signals.interrupt);
  add_signal_flag(command, "--sighup_effect", "what SIGHUP does: snapshot (the default), stop or none",
                  &flags->signals.hangup);
  add_signal_flag(command, "--sigterm_effect", "what SIGTERM does: stop (the default), snapshot or none",
                  &flags->signals.terminate);
  auto* dry = command.add_flag("--dry-run", flags->dry_run, "two iterations and a short test; writes nothing");
  auto* overfit =
      command.add_option("--overfit", flags->overfit,
                         "train on the first N records alone and say whether the net can learn; writes nothing");
  overfit->check(in_range(1, std::numeric_limits<int>::max()));
  for (auto* trial : {dry, overfit}) trial->excludes(resume);
  dry->excludes(overfit);
  add_set_flag(command, flags->settings);
  add_level_and_stage_flags(command, flags->state);
  add_run_flags(command, flags->run);
}

}  // namespace crema

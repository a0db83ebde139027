#include "train_flags.h"

#include <limits>
#include <map>

namespace crema {
namespace {

void add_signal_flag(CLI::App& command, const char* name, const char* what, Request* effect) {
  static const std::map<std::string, Request> kEffects = {
      {"stop", Request::stop}, {"snapshot", Request::snapshot}, {"none", Request::none}};
  command
      .add_option_function<std::string>(
          name, [effect](const std::string& text) { *effect = kEffects.at(text); }, what)
      ->check(CLI::IsMember({"stop", "snapshot", "none"}).description("stop|snapshot|none"));
}

}  // namespace

void add_train_flags(CLI::App& command, TrainFlags* flags) {
  command.add_option("--solver", flags->solver, "the solver's prototxt")->required()->check(kFileName);
  auto* weights = command.add_option("--weights", flags->weights,
                                     "start from the parameters in these .caffemodel files, separated by commas");
  weights->delimiter(',')->check(kFileName);
  auto* resume = command.add_option(
      "--resume,--snapshot", flags->resume,
      "go on from this .solverstate; latest: from the newest one of this solver that can be read, if there is one");
  resume->check(kFileName)->excludes(weights);
  command.add_option("--seed", flags->seed, "of all random numbers, instead of the solver's random_seed")
      ->check(CLI::Validator(
          [](const std::string& n) { return n.starts_with('-') ? n + " is negative" : std::string(); }, "N", "seed"));
  add_signal_flag(command, "--sigint_effect", "what Ctrl-C does: stop (the default), snapshot or none",
                  &flags->on_interrupt);
  add_signal_flag(command, "--sighup_effect", "what SIGHUP does: snapshot (the default), stop or none",
                  &flags->on_hangup);
  auto* dry = command.add_flag("--dry-run", flags->dry_run, "two iterations and a short test; writes nothing");
  auto* overfit =
      command.add_option("--overfit", flags->overfit,
                         "train on the first N records alone and say whether the net can learn; writes nothing");
  overfit->check(CLI::Range(1, std::numeric_limits<int>::max()).description("N"));
  for (auto* trial : {dry, overfit}) trial->excludes(resume);
  dry->excludes(overfit);
  add_set_flag(command, flags->settings);
  add_level_and_stage_flags(command, flags->state);
  add_run_flags(command, flags->run);
}

}  // namespace crema

#include "flags.h"

#include <omp.h>

#include "base/log.h"
#include "core/weights.h"

namespace crema {

namespace {

// More threads than processors wait for each other most of the time: allowed, since results may depend on their number.
std::string check_threads(const std::string& text) {
  const std::string fault = CLI::Range(1, 4096)(text);
  const int processors = omp_get_num_procs();
  if (fault.empty() && std::stoi(text) > processors) {
    CREMA_WARN("--threads {}: there are {} processors; more threads than that make everything slower", text,
               processors);
  }
  return fault;
}

}  // namespace

const CLI::Validator kFileName([](std::string& name) { return name.empty() ? "the name is empty" : std::string(); },
                               "FILE", "file name");

void add_run_flags(CLI::App& command, RunFlags& flags) {
  command
      .add_option_function<std::string>(
          "--engine",
          [&flags](const std::string& name) { flags.engine = name == "plain" ? Engine::plain : Engine::onednn; },
          "what computes: onednn (the default where it is built in) or plain")
      ->check(CLI::IsMember({"plain", "onednn"}).description("plain|onednn"));
  command.add_option("--threads", flags.threads, "threads to compute with; default: one for each core")
      ->check(CLI::Validator(check_threads, "N", "threads"));
}

NetState StateFlags::state(Phase otherwise) const {
  NetState state = given;
  if (!state.has_phase()) state.set_phase(otherwise);
  for (const std::string& stage : stages) state.add_stage(stage);
  return state;
}

void add_state_flags(CLI::App& command, StateFlags& flags, const std::string& phases) {
  command
      .add_option_function<std::string>(
          "--phase", [&flags](const std::string& name) { flags.given.set_phase(name == "TRAIN" ? TRAIN : TEST); },
          phases)
      ->check(CLI::IsMember({"TRAIN", "TEST"}).description("TRAIN|TEST"));
  command
      .add_option_function<int>(
          "--level", [&flags](int level) { flags.given.set_level(level); }, "the net's level")
      ->type_name("N");
  command.add_option("--stage", flags.stages, "stages that the net is in, separated by commas")
      ->delimiter(',')
      ->type_name("NAME");
}

void add_net_flags(CLI::App& command, NetFlags& flags) {
  command.add_option("--model", flags.model, "the net's prototxt")->required()->check(kFileName);
  command.add_option("--weights", flags.weights, "its parameters, a .caffemodel")->required()->check(kFileName);
  add_state_flags(command, flags.state, "the net's phase: TEST (the default) or TRAIN");
}

NetConfig read_net(const NetFlags& flags) { return filter(read_net(flags.model), flags.state.state(TEST)); }

void load_weights(const NetFlags& flags, Net& net) {
  const LoadReport report = load_weights(flags.weights, &net);
  CREMA_INFO("Loaded {} layers from {}", report.layers, flags.weights);
  if (!report.left.empty()) {
    CREMA_WARN("{} has no parameters for {}: they have their initial values", flags.weights,
               fmt::join(report.left, ", "));
  }
}

}  // namespace crema

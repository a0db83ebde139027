#include "flags.h"

#include <omp.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "base/parallel.h"
#include "config/gpu.h"
#include "core/weights.h"

namespace crema {
namespace {

// Threads beyond the number of processors mostly wait for each other. They are allowed, since results may depend on the
// number of threads.
std::string check_threads(const std::string& text) {
  std::string number = text;
  std::string fault = in_range(1, most_threads())(number);
  const int processors = omp_get_num_procs();
  if (fault.empty() && std::stoi(text) > processors) {
    CREMA_WARN("--threads {}: there are {} processors; more threads than that make everything slower", text,
               processors);
  }
  return fault;
}

void log_cpu_notice(const RunFlags& flags, std::vector<std::string> requests) {
  if (!flags.gpu.empty()) requests.insert(requests.begin(), "--gpu " + flags.gpu);
  if (const std::string notice = cpu_notice(requests); !notice.empty()) CREMA_INFO("{}", notice);
}

}  // namespace

// A flag that stands where a file's name is missing is no name; "-" is standard input.
const CLI::Validator kFileName(
    [](std::string& name) -> std::string {
      if (name.empty()) return "the name is empty";
      if (name == "-" || !name.starts_with('-')) return "";
      return fmt::format("expected a file's name before \"{0}\" (\"./{0}\" for a file of that name)", name);
    },
    "FILE", "file name");

void check_not_input(const std::string& output, const std::string& input) {
  std::error_code ignored;
  check(!std::filesystem::equivalent(output, input, ignored),
        "--output {}: this is the file that is read; give another", shortened(output));
}

// CLI11's own message for this differs from version to version.
CLI::Validator in_range(int low, int high) {
  const auto check = [low, high](std::string& text) -> std::string {
    if (CLI::Range(low, high)(text).empty()) return "";
    return fmt::format("Value {} not in range {} to {}", text, low, high);
  };
  return {check, "N", "range"};
}

int most_threads() {
  constexpr rlim_t kProgram = 700 << 20, kThread = 10 << 20;  // bytes of address space: a stack, and a thread's
                                                              // allocations
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kMaxThreads;
  const rlim_t room = (std::max(limit.rlim_cur, kProgram) - kProgram) / kThread;
  return static_cast<int>(std::clamp<rlim_t>(room, 1, kMaxThreads));
}

void add_run_flags(CLI::App& command, RunFlags& flags) {
  command
      .add_option_function<std::string>(
          "--engine",
          [&flags](const std::string& name) { flags.engine = name == "plain" ? Engine::plain : Engine::onednn; },
          "what computes: onednn (the default where it is built in) or plain")
      ->check(CLI::IsMember({"plain", "onednn"}).description("plain|onednn"));
  command
      .add_option_function<std::string>(
          "--precision",
          [&flags](const std::string& name) { flags.precision = name == "bf16" ? Precision::bf16 : Precision::f32; },
          "what convolutions and inner products multiply: f32 (the default) or bf16, with sums in f32")
      ->check(CLI::IsMember({"f32", "bf16"}).description("f32|bf16"));
  command.parse_complete_callback([&flags] {
    if (flags.precision != Precision::bf16 || flags.engine == Engine::onednn) return;
    throw CLI::ValidationError("--precision", "bf16 needs --engine onednn; this run's is plain");
  });
  command.add_option("--threads", flags.threads, "threads to compute with; default: one for each core")
      ->check(CLI::Validator(check_threads, "N", "threads"));
  command
      .add_flag("--deterministic", flags.deterministic,
                "the same bits in every run: no algorithm is chosen by measuring what is the fastest")
      ->envname("CREMA_DETERMINISTIC");
  command.add_option("--gpu", flags.gpu, "read for Caffe's scripts: crema runs on the CPU")->type_name("ID");
}

std::shared_ptr<Algorithms> algorithms(const RunFlags& flags) {
  if (flags.deterministic || flags.engine == Engine::plain) return nullptr;
  return std::make_shared<Algorithms>(algorithms_file());
}

void add_set_flag(CLI::App& command, std::vector<std::string>& settings) {
  const auto has_key = [](const std::string& text) {
    return text.find('=') == std::string::npos ? crema::in_quotes(text) + " is not KEY=VALUE" : std::string();
  };
  command.add_option("--set", settings, "set a field: base_lr=0.02, layer[conv1].convolution_param.num_output=50")
      ->type_size(1)
      ->allow_extra_args(false)
      ->check(CLI::Validator(has_key, "KEY=VALUE", "setting"));
}

void StateFlags::add_to(SolverConfig* config) const {
  NetState* state = config->solver.mutable_train_state();
  if (level) {
    state->set_level(*level);
    config->source.set_anew("train_state.level", {.flag = fmt::format("--level {}", *level)});
  }
  for (const std::string& stage : stages) {
    config->source.set(fmt::format("train_state.stage[{}]", state->stage_size()), {.flag = "--stage " + stage});
    state->add_stage(stage);
  }
}

NetState StateFlags::state(Phase otherwise) const {
  NetState state;
  state.set_phase(phase.value_or(otherwise));
  if (level) state.set_level(*level);
  for (const std::string& stage : stages) state.add_stage(stage);
  return state;
}

void check_state(const NetConfig& config, const StateFlags& flags) {
  for (const std::string& stage : flags.stages) check_stage(config, stage, "--stage " + shortened(stage));
  if (flags.level) check_level(config, fmt::format("--level {}", *flags.level));
}

NetConfig filtered(const NetConfig& config, const StateFlags& flags, Phase otherwise) {
  check_state(config, flags);
  return filter(config, flags.state(otherwise));
}

void add_level_and_stage_flags(CLI::App& command, StateFlags& flags) {
  command.add_option("--level", flags.level, "the net's level")->type_name("N");
  command.add_option("--stage", flags.stages, "stages that the net is in, separated by commas")
      ->delimiter(',')
      ->type_name("NAME");
}

void log_gpu_requests(const RunFlags& flags, const NetConfig& config) { log_cpu_notice(flags, gpu_requests(config)); }

void log_gpu_requests(const RunFlags& flags, const SolverConfig& config, Solver& solver) {
  std::vector<std::string> requests = gpu_requests(config);
  const auto add = [&requests](const Net& net) {
    for (std::string& request : gpu_requests(net.config())) requests.push_back(std::move(request));
  };
  add(solver.net());
  for (int i = 0; i < solver.test_nets(); ++i) add(solver.test_net(i));
  log_cpu_notice(flags, std::move(requests));
}

void add_state_flags(CLI::App& command, StateFlags& flags, const std::string& phases) {
  command
      .add_option_function<std::string>(
          "--phase", [&flags](const std::string& name) { flags.phase = name == "TRAIN" ? TRAIN : TEST; }, phases)
      ->check(CLI::IsMember({"TRAIN", "TEST"}).description("TRAIN|TEST"));
  add_level_and_stage_flags(command, flags);
}

void add_net_flags(CLI::App& command, NetFlags& flags) {
  command.add_option("--model,MODEL", flags.model, "the net's prototxt")->required()->check(kFileName);
  command.add_option("--weights", flags.weights, "its parameters, a .caffemodel")->check(kFileName);
  add_state_flags(command, flags.state, "the net's phase: TEST (the default) or TRAIN");
  add_set_flag(command, flags.settings);
}

NetConfig read_net(const NetFlags& flags) { return filtered(read_net(flags.model, flags.settings), flags.state, TEST); }

void load_weights(const NetFlags& flags, Net& net) {
  if (flags.weights.empty()) {
    check(net.parameters().empty(), "{}: the net has parameters: give --weights", flags.model);
    return;
  }
  check_is_model(flags.weights);
  const LoadReport report = load_weights(flags.weights, &net);
  CREMA_INFO("Loaded {} layer{} from {}", report.layers, report.layers == 1 ? "" : "s", flags.weights);
  if (!report.left.empty()) {
    CREMA_WARN("{} has no parameters for {}: they have their initial values", flags.weights,
               fmt::join(report.left, ", "));
  }
}

void check_is_model(const std::string& file) {
  check(!file.ends_with(".solverstate"),
        "--weights {}: this is a solver's state, from which train goes on with --resume; "
        "its parameters are in the .caffemodel beside it",
        file);
}

void check_is_state(const std::string& file) {
  check(!file.ends_with(".caffemodel"),
        "--resume {}: this is a model, without the solver's state: --weights starts "
        "from its parameters",
        file);
}

}  // namespace crema

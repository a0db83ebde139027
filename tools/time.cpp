// crema time: how long each layer of a net takes, forward and backward.
#include <limits>

#include "base/parallel.h"
#include "commands.h"
#include "config/files.h"
#include "flags.h"
#include "math/math_info.h"
#include "solvers/build.h"
#include "stand_in.h"
#include "time_report.h"

namespace crema {
namespace {

struct TimeFlags {
  std::string model, solver, weights;
  StateFlags state;
  std::vector<std::string> settings;
  ShapeFlags shapes;
  RunFlags run;
  int iterations = 50;
  bool json = false;
};

NetConfig chosen_net(const TimeFlags& flags) {
  if (!flags.model.empty()) return filtered(read_net(flags.model, flags.settings), flags.state, TRAIN);
  SolverConfig solver = read_solver(flags.solver, flags.settings);
  resolve_files(solver.solver, solver.source);
  return solver_nets(solver).train;
}

void time(const TimeFlags& flags) {
  const StandIns stand_ins = stand_in(chosen_net(flags), flags.shapes.given);
  if (!stand_ins.faults.empty()) throw Error(stand_ins.faults[0]);
  if (!stand_ins.unknown.empty()) throw Error(stand_ins.unknown[0]);
  check_blobs(flags.shapes, stand_ins.data_tops);
  log_gpu_requests(flags.run, stand_ins.config);
  const long before = resident_bytes();
  Net net(stand_ins.config, {.threads = flags.run.threads,
                             .engine = flags.run.engine,
                             .precision = flags.run.precision,
                             .algorithms = algorithms(flags.run)});
  if (!flags.weights.empty())
    load_weights({.model = flags.model, .weights = flags.weights, .state = {}, .settings = {}}, net);
  fill_inputs(net);
  TimeReport result = report(net, measure(net, flags.iterations));
  result.peak_bytes = peak_bytes() - before;
  result.engine = engine_name(flags.run.engine);
  result.precision = precision_name(flags.run.precision);
  result.threads = threads_of(flags.run.threads);
  result.replaced = stand_ins.replaced;
  if (flags.json) {
    fmt::print("{}\n", as_json(result).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    fmt::print("{}", as_text(result));
  }
}

}  // namespace

void add_time(CLI::App& app) {
  const auto flags = std::make_shared<TimeFlags>();
  CLI::App* command = app.add_subcommand("time", "measure how long each layer of a net takes, forward and backward");
  auto* model = command->add_option("--model,MODEL", flags->model, "the net's prototxt")->check(kFileName);
  auto* solver = command->add_option("--solver", flags->solver, "a solver's prototxt: its train net is measured")
                     ->check(kFileName)
                     ->excludes(model);
  command->add_option("--weights", flags->weights, "parameters, a .caffemodel; default: the net's fillers")
      ->check(kFileName);
  command->add_option("--iterations", flags->iterations, "passes to measure, 50 unless told")
      ->check(in_range(1, std::numeric_limits<int>::max()));
  add_shape_flag(*command, flags->shapes);
  add_state_flags(*command, flags->state, "the net's phase: TRAIN (the default), or TEST, which has no backward");
  for (const char* option : {"--phase", "--level", "--stage"}) solver->excludes(command->get_option(option));
  add_set_flag(*command, flags->settings);
  add_run_flags(*command, flags->run);
  command->add_flag("--json", flags->json, "print one JSON document instead of a table");
  command->footer(
      "Example:\n  crema time --model models/lenet/train_test.prototxt --stage mnist-10k\n"
      "  crema time --model models/lenet/train_test.prototxt --shape data=64,1,28,28 --json");
  command->callback([flags] {
    if (flags->model.empty() && flags->solver.empty()) throw CLI::RequiredError("--model or --solver");
    time(*flags);
  });
}

}  // namespace crema

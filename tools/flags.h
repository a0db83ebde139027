// Flags that several subcommands have.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/net.h"
#include "math/algorithms.h"
#include "solvers/solver.h"

namespace crema {

// For an option that names a file.
extern const CLI::Validator kFileName;

// Throws Error if a command would write its output into the file that it reads.
void check_not_input(const std::string& output, const std::string& input);

// --engine, --precision, --threads, --deterministic and, for Caffe's scripts, --gpu.
struct RunFlags {
  Engine engine = default_engine();
  Precision precision = Precision::f32;
  int threads = 0;
  bool deterministic = false;
  std::string gpu;
};
void add_run_flags(CLI::App& command, RunFlags& flags);

// Takes whole numbers from `low` to `high`.
CLI::Validator in_range(int low, int high);

// Threads that the program may start: kMaxThreads (base/parallel.h), or as many as fit into the limit of memory.
int most_threads();

// A store for the algorithms of convolutions, with what was measured before on this machine; null if the flags ask for
// direct ones only.
std::shared_ptr<Algorithms> algorithms(const RunFlags& flags);

// --set KEY=VALUE, which may be given again and again: for read_net() and read_solver().
void add_set_flag(CLI::App& command, std::vector<std::string>& settings);

// --phase, --level and --stage: a net's state.
struct StateFlags {
  std::optional<Phase> phase;
  std::optional<int> level;
  std::vector<std::string> stages;

  // Adds level and stages to the state of a solver's train net. In errors their place is the flag.
  void add_to(SolverConfig* config) const;
  // The whole state; without --phase, the phase is `otherwise`.
  NetState state(Phase otherwise) const;
};
// Throws Error if no rule of the net depends on a level given by --level, or names a stage given by --stage.
void check_state(const NetConfig& config, const StateFlags& flags);
// The layers of a net that take part; without --phase, the phase is `otherwise`. Throws as check_state().
NetConfig filtered(const NetConfig& config, const StateFlags& flags, Phase otherwise);
void add_level_and_stage_flags(CLI::App& command, StateFlags& flags);
// Adds --level, --stage and --phase; `phases` is the help text of --phase: "the net's phase: TEST (the default) or
// TRAIN".
void add_state_flags(CLI::App& command, StateFlags& flags, const std::string& phases);

// One log line if the flags, the solver, its nets or the net ask for a GPU.
void log_gpu_requests(const RunFlags& flags, const NetConfig& config);
void log_gpu_requests(const RunFlags& flags, const SolverConfig& config, Solver& solver);

// --model, --weights, the state's and --set: a net in one of its states, and the parameters to load.
struct NetFlags {
  std::string model, weights;
  StateFlags state;
  std::vector<std::string> settings;
};
void add_net_flags(CLI::App& command, NetFlags& flags);

// The configuration that the flags name, filtered.
NetConfig read_net(const NetFlags& flags);

// Loads the weights; warns of layers that have none there. Without --weights, throws Error unless the net has no
// parameters.
void load_weights(const NetFlags& flags, Net& net);

// Throws Error if a solver state is given as weights, or a model as a state, by the file's ending. The error names the
// flag that was meant.
void check_is_model(const std::string& file);
void check_is_state(const std::string& file);

}  // namespace crema

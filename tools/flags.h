// Flags that several subcommands have.
#pragma once

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

#include "core/net.h"
#include "solvers/solver.h"

namespace crema {

// For an option that names a file.
extern const CLI::Validator kFileName;

// --engine, --threads and, for Caffe's scripts, --gpu.
struct RunFlags {
  Engine engine = default_engine();
  int threads = 0;
  std::string gpu;
};
void add_run_flags(CLI::App& command, RunFlags& flags);

// --set KEY=VALUE, which may be given again and again: for read_net() and read_solver().
void add_set_flag(CLI::App& command, std::vector<std::string>& settings);

// --level and --stage: a net's state but for its phase.
struct StateFlags {
  std::optional<int> level;
  std::vector<std::string> stages;

  void add_to(NetState* state) const;
};
void add_state_flags(CLI::App& command, StateFlags& flags);

// One log line if the flags, the solver, its nets or the net ask for a GPU.
void log_gpu_requests(const RunFlags& flags, const NetConfig& config);
void log_gpu_requests(const RunFlags& flags, const SolverConfig& config, Solver& solver);

// --model, --weights, --phase, --level, --stage and --set: a net in one of its states, and the parameters that it gets.
struct NetFlags {
  std::string model, weights;
  Phase phase = TEST;
  StateFlags state;
  std::vector<std::string> settings;
};
void add_net_flags(CLI::App& command, NetFlags& flags);

// The configuration that the flags name, filtered.
NetConfig read_net(const NetFlags& flags);

// Loads the weights; warns of layers that have none there.
void load_weights(const NetFlags& flags, Net& net);

}  // namespace crema

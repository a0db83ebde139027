// Flags that several subcommands have.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "core/net.h"

namespace crema {

// For an option that names a file.
extern const CLI::Validator kFileName;

// --engine and --threads.
struct RunFlags {
  Engine engine = default_engine();
  int threads = 0;
};
void add_run_flags(CLI::App& command, RunFlags& flags);

// --phase, --level and --stage: a net's state. The phase is set where the flag is there.
struct StateFlags {
  NetState given;
  std::vector<std::string> stages;

  // The state in a phase; --phase goes before it.
  NetState state(Phase otherwise) const;
};
// `phases` says what --phase does: "the net's phase: TEST (the default) or TRAIN".
void add_state_flags(CLI::App& command, StateFlags& flags, const std::string& phases);

// --model, --weights and the state's: a net in one of its states, and the parameters that it gets.
struct NetFlags {
  std::string model, weights;
  StateFlags state;
};
void add_net_flags(CLI::App& command, NetFlags& flags);

// The configuration that the flags name, filtered.
NetConfig read_net(const NetFlags& flags);

// Loads the weights; warns of layers that have none there.
void load_weights(const NetFlags& flags, Net& net);

}  // namespace crema

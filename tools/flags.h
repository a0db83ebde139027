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

// --model, --weights, --phase, --level and --stage: a net in one of its states, and the parameters that it gets.
struct NetFlags {
  std::string model, weights;
  NetState state;
  std::vector<std::string> stages;
};
void add_net_flags(CLI::App& command, NetFlags& flags);

// The configuration that the flags name, filtered.
NetConfig read_net(const NetFlags& flags);

// Loads the weights; warns of layers that have none there.
void load_weights(const NetFlags& flags, Net& net);

}  // namespace crema

// The flags of crema train.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flags.h"
#include "signals.h"

namespace crema {

struct TrainFlags {
  std::string solver, resume;
  std::vector<std::string> weights;
  std::optional<uint64_t> seed;
  std::vector<std::string> settings;
  StateFlags state;
  SignalEffects signals;
  bool dry_run = false;
  uint64_t overfit = 0;
  RunFlags run;

  // If --weights is given, makes the solver itself load them.
  void start_from_weights(SolverConfig* config) const;
};
void add_train_flags(CLI::App& command, TrainFlags* flags);

}  // namespace crema

// The flags of crema train.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flags.h"

namespace crema {

struct TrainFlags {
  std::string solver, resume;
  std::vector<std::string> weights;
  std::optional<uint64_t> seed;
  std::vector<std::string> settings;
  StateFlags state;
  Request on_interrupt = Request::stop, on_hangup = Request::snapshot;
  bool dry_run = false;
  uint64_t overfit = 0;
  RunFlags run;
};
void add_train_flags(CLI::App& command, TrainFlags* flags);

}  // namespace crema

// Which nets a solver names.
#pragma once

#include <vector>

#include "config/net_config.h"

namespace crema {

struct SolverNets {
  NetConfig train;               // filtered for training
  std::vector<NetConfig> tests;  // filtered for testing; test_iter(i) belongs to tests[i]
};

// The nets as Caffe chooses them: the train net from the one of net, net_param, train_net and train_net_param that is
// set; test nets from test_net_param, then test_net, then as many of net or net_param as test_iter has entries left.
// The solver's file names are resolved (config/files.h). Throws Error, with the place in the solver's text, where the
// fields do not fit together.
SolverNets solver_nets(const SolverConfig& config);

}  // namespace crema

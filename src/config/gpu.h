// Finds requests for a GPU in Caffe's files. crema runs on the CPU and reports this once.
#pragma once

#include <string>
#include <vector>

#include "config/net_config.h"

namespace crema {

// Each with its place: "solver.prototxt:12: solver_mode: GPU", "net.prototxt:30: engine: CUDNN".
std::vector<std::string> gpu_requests(const SolverConfig& config);
std::vector<std::string> gpu_requests(const NetConfig& config);

// "solver.prototxt:12: solver_mode: GPU (and 3 more): crema runs on the CPU"; "" without requests. A request that
// occurs twice, for example by a layer of both the train and the test net, counts once.
std::string cpu_notice(const std::vector<std::string>& requests);

}  // namespace crema

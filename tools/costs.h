// The parameters, operations and memory of a net.
#pragma once

#include "core/net.h"
#include "survey.h"
#include "units.h"

namespace crema {

long parameter_count(const Layer& layer);          // with statistics
long statistics_count(const Net& net, int layer);  // the statistics among them: running means and variances
long parameter_count(Net& net);                    // shared parameters count once
long statistics_count(const Net& net);

double multiply_adds(const Net& net, int layer);  // of one forward pass
double multiply_adds(const Net& net);

// What a process takes to run a net, in bytes, beside the program itself.
struct MemoryNeed {
  long blobs;       // the plan's, and what is never shared
  long parameters;  // and in training their gradients
  long history;     // of the solver
  long layers;      // what they keep for themselves, and the largest amount that one takes while it runs
  long data;        // batches read ahead

  long total() const { return blobs + parameters + history + layers + data; }
};

// `histories`: arrays that the solver keeps for each parameter that it moves.
MemoryNeed memory_need(const Survey& survey, bool training, int histories);

}  // namespace crema

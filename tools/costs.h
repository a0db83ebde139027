// What a net's layers take, and how such numbers are written.
#pragma once

#include <string>

#include "core/net.h"
#include "survey.h"

namespace crema {

long parameter_count(const Layer& layer);
long parameter_count(Net& net);  // parameters that layers share count once

double multiply_adds(const Net& net, int layer);  // of one forward pass
double multiply_adds(const Net& net);

// What a process takes to run a net, in bytes, beside the program itself.
struct MemoryNeed {
  long blobs;       // the plan's, and what is never shared
  long parameters;  // and in training their gradients
  long history;     // of the solver
  long layers;      // what they keep for themselves, and what the neediest takes while it runs
  long data;        // batches read ahead

  long total() const { return blobs + parameters + history + layers + data; }
};

// `histories`: arrays that the solver keeps for each parameter that it moves.
MemoryNeed memory_need(const Survey& survey, bool training, int histories);

std::string grouped(long number);         // "431,080"; not for negative ones
std::string short_number(double number);  // "2.293 M"; "0" for nothing
std::string megabytes(long bytes);        // "12.34 MB"; from 1000 on "1.23 GB" or "1.23 TB"
std::string duration(double ms);          // "12.34 ms", "1.234 s", "1.234 min"

}  // namespace crema

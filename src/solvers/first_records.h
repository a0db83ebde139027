// For the first check of a new net: can it learn a few records by heart?
#pragma once

#include <cstdint>

#include "solvers/build.h"

namespace crema {

// Takes from a solver's nets the test nets, and changes the train net so that each layer that reads data reads its
// first `records` records alone, in order and not mirrored (a crop_size still cuts them at random); dropout is off.
// Throws Error, with its place, for a data layer that cannot do so.
void take_first_records(uint64_t records, SolverNets* nets);

// Takes weight decay, and what tests decide, from a solver.
void drop_regularization(SolverParameter* solver);

}  // namespace crema

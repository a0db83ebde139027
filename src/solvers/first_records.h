// For the first check of a new net: can it memorize a few records?
#pragma once

#include <cstdint>

#include "solvers/build.h"

namespace crema {

// Removes the test nets from a solver's nets. Changes the train net so that each layer that reads data reads only its
// first `records` records, in order and not mirrored (a crop_size still cuts them at random); dropout is off. Throws
// Error, with its place, for a data layer that cannot do so.
void take_first_records(uint64_t records, SolverNets* nets);

// Removes weight decay, and the settings that depend on tests, from a solver.
void drop_regularization(SolverParameter* solver);

}  // namespace crema

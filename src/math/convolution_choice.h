// A convolution by the engine. Each pass uses the algorithm that is the fastest on this machine.
#pragma once

#include <memory>
#include <string>

#include "math/algorithms.h"
#include "math/engine_convolution.h"

namespace crema {

// All that a choice depends on beside the machine, as Algorithms::Choice::problem has it: shapes, windows, groups,
// precision and the number of threads.
std::string problem_text(const ConvolutionProblem& problem);

// checked_convolution() (math/checked_engine.h) with the algorithms that the store has for the problem. Passes without
// an algorithm there are measured: a few runs of each algorithm that may be the fastest, on memory of the problem's
// size (on a part of the batch, if one run would take long). An algorithm whose result is further from the direct one's
// than a thousandth of the largest value (2e-2 of it for products of bf16) is not taken. Without a store: direct.
// `backward`: whether the backward passes run.
std::unique_ptr<EngineConvolution> choose_convolution(const ConvolutionProblem& problem, Algorithms* store,
                                                      bool backward);

}  // namespace crema

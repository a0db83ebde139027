// Computes a convolution with few, large groups as one convolution for each group. Used if oneDNN has an algorithm only
// for convolutions without groups.
#pragma once

#include <memory>

#include "math/engine_convolution.h"

namespace crema {

// Returns `whole` with its passes by "winograd" done group by group: a group's channels are copied out of the bottom,
// and its results into the top. If the groups' channels cannot be separated in whole's layouts, or if there is no such
// algorithm for a group, returns `whole` unchanged.
std::unique_ptr<EngineConvolution> with_groups_apart(const ConvolutionProblem& problem,
                                                     const ConvolutionAlgorithms& algorithms,
                                                     std::unique_ptr<EngineConvolution> whole);

}  // namespace crema

// A convolution with few, large groups as one convolution for each group, where oneDNN has an algorithm for these
// alone.
#pragma once

#include <memory>

#include "math/engine_convolution.h"

namespace crema {

// `whole`, with the passes by "winograd" done group by group: their channels are moved out of the bottom and into the
// top. Where the groups' channels cannot be told apart in whole's layouts, or a group has no such algorithm: as it was.
std::unique_ptr<EngineConvolution> with_groups_apart(const ConvolutionProblem& problem,
                                                     const ConvolutionAlgorithms& algorithms,
                                                     std::unique_ptr<EngineConvolution> whole);

}  // namespace crema

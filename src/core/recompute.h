// Gradient checkpointing (Chen et al., 2016, arXiv:1604.06174): values that are not kept for backward but computed
// again, from the nearest kept ones, when backward first needs them.
#pragma once

#include <vector>

#include "core/steps.h"

namespace crema {

// An edit of the step list: before the first step of backward that reads what a layer with again[layer] has written,
// stand this layer's forward step and what it needs itself, once more (Step::replay). They write buffers of their own,
// "conv1 again", so that the first ones end with their last reader in forward. Copies in other layouts are made again
// with what they are copies of. Pinned buffers are kept, and so are views as long as the values that they look at.
void recompute(const std::vector<bool>& again, StepList* list);

}  // namespace crema

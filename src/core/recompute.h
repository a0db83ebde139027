// Gradient checkpointing (Chen et al., 2016, arXiv:1604.06174): values that are not kept for backward but computed
// again, from the nearest kept ones, when backward first needs them.
#pragma once

#include <vector>

#include "core/steps.h"

namespace crema {

// Edits the step list. Before the first step of backward that reads a top of a layer with again[layer], it inserts this
// layer's forward step once more, after the forward steps that this one needs (Step::replay). These steps write their
// own buffers, "conv1 again", so that the original buffers are free after their last reader in forward. Copies in other
// layouts are made again together with what they copy. Pinned buffers are kept. Views are kept if the values that they
// view are kept.
void recompute(const std::vector<bool>& again, StepList* list);

}  // namespace crema

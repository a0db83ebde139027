// The memory plan: a pure function from the step list to offsets. Buffers whose lifetimes do not overlap share memory.
#pragma once

#include <vector>

#include "core/steps.h"

namespace crema {

struct Plan {
  static constexpr long kPinned = -1;
  std::vector<long> offset;  // per buffer: elements from the arena's start, or kPinned: memory of its own
  std::vector<int> group;    // per buffer: the buffer whose memory it is (itself, if it shares with none by alias)
  long size = 0;             // elements of the arena
};

// A buffer lives from the first step that touches it to the last. Views and in-place pairs share one piece of memory,
// unless a later step reads what would be overwritten. The rest is placed largest first, each at the lowest offset that
// is free over its whole life (greedy by size, as in Pisarchyk and Lee, 2020, arXiv:2001.03288).
Plan plan_memory(const StepList& list);

}  // namespace crema

// Memory that a computation needs only while it runs: the engine's scratchpads, bottoms and tops on their way between
// layouts, columns of patches. A net's plan places it where no blob is in use at that time, and Net lends it to each
// step. Where it is too small, and outside of a net, memory that the calling thread keeps is used instead.
#pragma once

#include "math/real.h"

namespace crema {

inline constexpr int kWorkspaceSlots = 8;                      // the last one is lent_memory()'s
inline constexpr long kWorkspaceSlack = 16 * kWorkspaceSlots;  // elements that alignment may cost

// The memory that is lent to a thread, and what is taken of it.
struct Workspace {
  struct Slot {
    real* memory = nullptr;
    long count = 0;
  };
  real* memory = nullptr;
  long top = 0;  // elements below it are free
  Slot slots[kWorkspaceSlots];
};

// During its lifetime, the memory that the calling thread takes below comes from `count` elements at `memory` (null:
// from none). Lifetimes nest.
class LentMemory {
 public:
  LentMemory(real* memory, long count);
  ~LentMemory();
  LentMemory(const LentMemory&) = delete;
  LentMemory& operator=(const LentMemory&) = delete;

 private:
  Workspace before_;
};

// Within its lifetime, the slots that the calling thread took before cannot be used, but keep their memory. Memory that
// is taken meanwhile is given back at its end.
class PassMemory {
 public:
  PassMemory();
  ~PassMemory();
  PassMemory(const PassMemory&) = delete;
  PassMemory& operator=(const PassMemory&) = delete;

 private:
  Workspace before_;
};

// Memory of a slot. Within a PassMemory, each call gives the same memory, unless it needs more than those before.
real* slot_memory(int slot, long count);

// Scratch memory of one primitive while it runs. Nothing else may be taken meanwhile.
real* scratchpad_memory(long count);

// Lent memory, valid until the step is over or this is called again; null if no memory is lent, or too little.
real* lent_memory(long count);

// Gives back what the calling thread keeps.
void free_workspace();

}  // namespace crema

// Memory that a computation needs only while it runs: the engine's scratchpads, bottoms and tops on their way between
// layouts, columns of patches. A net's plan places it where blobs lie that are not in use at that time, and Net lends
// that room to each step. What does not fit, or runs outside of a net, gets memory that the calling thread keeps.
#pragma once

#include "math/real.h"

namespace crema {

inline constexpr int kWorkspaceSlots = 8;                      // the last one is lent_memory()'s
inline constexpr long kWorkspaceSlack = 16 * kWorkspaceSlots;  // elements that alignment may cost

// What is lent to a thread, as far as it is taken.
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

// Within its lifetime, the slots that the calling thread took before are out of reach, and their memory stays theirs;
// what is taken meanwhile is given back at its end.
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

// Memory that is lent until the step is over or this is called again; null where none is, or too little.
real* lent_memory(long count);

// Gives back what the calling thread keeps.
void free_workspace();

}  // namespace crema

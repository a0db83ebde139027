#include "math/workspace.h"

#include <array>

#include "math/buffer.h"

namespace crema {
namespace {

constexpr long kAlign = 16;  // elements: 64 bytes of floats

thread_local Workspace current;
thread_local std::array<Buffer, kWorkspaceSlots> own_slots;
thread_local Buffer own_scratchpad;

// Takes memory from the top of the lent memory downwards; scratchpads begin at its bottom. Null if it does not fit.
real* take(long count) {
  if (count > current.top) return nullptr;
  current.top = (current.top - count) / kAlign * kAlign;
  return current.memory + current.top;
}

}  // namespace

LentMemory::LentMemory(real* memory, long count) : before_(current) {
  current = {.memory = memory, .top = memory == nullptr ? 0 : count, .slots = {}};
}

LentMemory::~LentMemory() { current = before_; }

PassMemory::PassMemory() : before_(current) {
  for (Workspace::Slot& slot : current.slots) slot = {};
}

PassMemory::~PassMemory() { current = before_; }

real* slot_memory(int slot, long count) {
  Workspace::Slot& taken = current.slots[slot];
  if (taken.count >= count && taken.memory != nullptr) return taken.memory;
  if (real* memory = take(count)) {
    taken = {memory, count};
    return memory;
  }
  Buffer& own = own_slots[static_cast<size_t>(slot)];
  own.grow(count);
  return own.data();
}

real* scratchpad_memory(long count) {
  if (count <= current.top) return current.memory;
  own_scratchpad.grow(count);
  return own_scratchpad.data();
}

real* lent_memory(long count) {
  Workspace::Slot& taken = current.slots[kWorkspaceSlots - 1];
  if (taken.memory != nullptr && taken.count >= count) return taken.memory;
  const bool last = taken.memory != nullptr && taken.memory == current.memory + current.top;
  if (last) current.top += taken.count;  // gives back the memory of the call before
  taken = {take(count), count};
  return taken.memory;
}

void free_workspace() {
  own_scratchpad = Buffer();
  for (Buffer& own : own_slots) own = Buffer();
}

}  // namespace crema

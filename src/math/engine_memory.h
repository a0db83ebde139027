// The memory that an engine part takes besides its arguments, in bytes.
#pragma once

namespace crema {

struct EngineMemory {
  long kept = 0;     // from its first pass on: winners, copies of constant weights
  long passing = 0;  // while it runs, in memory that all parts of a thread share
};

}  // namespace crema

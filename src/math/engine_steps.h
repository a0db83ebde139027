// Many products with one matrix, by the engine: those of a recurrent layer's steps. The matrix is brought into the
// engine's own layout once, and all products read it there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "math/real.h"

namespace crema {

struct StepsProblem {
  std::vector<long> rows;  // of each part; parts run side by side, each on its thread. One part: on all threads
  long inputs = 0, outputs = 0;
  bool transpose = false;  // the matrix W lies as inputs x outputs, not as outputs x inputs
  bool add = false;        // y += x W', else y = x W'
};

class EngineSteps {
 public:
  // Null where the engine cannot do it.
  static std::unique_ptr<EngineSteps> create(const StepsProblem& problem);
  virtual ~EngineSteps() = default;

  virtual std::string implementation() const = 0;
  virtual long copied() const = 0;  // bytes of W in the engine's layout

  // To be called before products with a changed W; `version` changes whenever W does.
  virtual void prepare(const real* w, uint64_t version) = 0;
  // Computes the part's rows; parts may run at the same time.
  virtual void run(long part, const real* x, real* y) = 0;
};

}  // namespace crema

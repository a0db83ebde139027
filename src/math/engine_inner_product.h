// Inner products by the engine: forward and both backward passes of one problem, on raw pointers to plain arrays.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "math/engine_memory.h"
#include "math/finish.h"
#include "math/precision.h"
#include "math/real.h"

namespace crema {

struct InnerProductProblem {
  long rows = 0, inputs = 0, outputs = 0;  // bottom: rows x inputs, top: rows x outputs
  bool transpose = false;                  // weights lie as inputs x outputs, not as outputs x inputs
  bool bias = false;
  // Whether the weights stay the same over many passes. Only then does forward make a copy of them in the engine's own
  // layout, which takes about as long as the product for a batch of 64.
  bool constant_weights = false;
  Precision precision = Precision::f32;  // of the products; sums, inputs and results are float
  Finish finish{};                       // of forward only; backward passes ignore it

  bool operator==(const InnerProductProblem&) const = default;
};

class EngineInnerProduct {
 public:
  // Computes in f32 if there is no kernel for bf16. Returns null if the engine cannot compute the problem, or has no
  // code for the finish.
  static std::unique_ptr<EngineInnerProduct> create(const InnerProductProblem& problem);
  virtual ~EngineInnerProduct() = default;

  virtual std::string implementation() const = 0;
  virtual EngineMemory memory(bool backward) const = 0;

  // Whether forward() reads w only if the version has changed; w may then be null if it has not.
  virtual bool keeps_weights() const = 0;

  // `version` changes whenever the weights w do, here as in backward_data(). b: null without bias. other: what the
  // finish adds, null if nothing.
  virtual void forward(const real* x, const real* w, uint64_t version, const real* b, const real* other, real* y) = 0;
  virtual void backward_data(const real* dy, const real* w, uint64_t version, real* dx) = 0;  // overwrites dx
  // dw = beta_w * dw + gradient; the same for db. Either may be null. Betas are 0 or 1.
  virtual void backward_weights(const real* x, const real* dy, real* dw, real beta_w, real* db, real beta_b) = 0;
};

}  // namespace crema

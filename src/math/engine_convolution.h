// Convolution by the engine: forward and both backward passes of one problem, on raw pointers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "math/engine_memory.h"
#include "math/finish.h"
#include "math/im2col.h"
#include "math/layout.h"
#include "math/precision.h"
#include "math/real.h"

namespace crema {

struct ConvolutionProblem {
  Shape bottom, top;  // (N, channels, spatial...), (N, outputs, spatial...)
  Shape weights;      // (outputs, channels / group, kernel...), the groups' outputs one after the other
  Windows windows;
  long group = 1;
  bool bias = false;
  Precision precision = Precision::f32;  // of the products; sums, inputs and results are float
  Finish finish{};                       // of forward only; backward passes ignore it
  // Whether the weights stay the same over many passes: only then are copies of them in the engine's own layout kept.
  bool constant_weights = false;

  bool operator==(const ConvolutionProblem&) const = default;
};

// "direct", "winograd" or "gemm" for each pass. Where oneDNN cannot do that, the pass is direct.
struct ConvolutionAlgorithms {
  std::string forward = "direct", backward_data = "direct", backward_weights = "direct";

  bool operator==(const ConvolutionAlgorithms&) const = default;
};

class EngineConvolution {
 public:
  // Passes for which bf16 gains nothing, and passes by Winograd's algorithm, are computed in f32. Returns null if the
  // engine cannot compute the problem, or not faster than the plain path: other than 1 to 3 spatial axes, empty shapes,
  // a finish that the kernel has no code for. The layouts do not depend on the algorithms.
  static std::unique_ptr<EngineConvolution> create(const ConvolutionProblem& problem,
                                                   const ConvolutionAlgorithms& algorithms = {});
  virtual ~EngineConvolution() = default;

  // The layouts of data and diff of bottom and top. Weights, bias and their diffs are plain.
  virtual Layout bottom_layout() const = 0;
  virtual Layout top_layout() const = 0;
  virtual std::string implementation() const = 0;  // the name of the kernel that computes forward,
  virtual std::string backward_data_implementation() const = 0;
  virtual std::string backward_weights_implementation() const = 0;
  // The memory of forward, and of those backward passes that run.
  virtual EngineMemory memory(bool backward_weights, bool backward_data) const = 0;

  // Whether forward() reads w only if the version has changed; w may then be null if it has not.
  virtual bool keeps_weights() const = 0;

  // `version` changes whenever the weights w do. b: null without bias. other: what the finish adds, null if nothing.
  virtual void forward(const real* x, const real* w, uint64_t version, const real* b, const real* other, real* y) = 0;
  virtual void backward_data(const real* dy, const real* w, uint64_t version, real* dx) = 0;  // overwrites dx
  // dw = beta_w * dw + gradient; the same for db. Either may be null. Betas are 0 or 1.
  virtual void backward_weights(const real* x, const real* dy, real* dw, real beta_w, real* db, real beta_b) = 0;
};

}  // namespace crema

// The products with the recurrent weights W, step by step, of independent sequences: each goes through all its steps on
// one core.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "base/parallel.h"
#include "math/engine_steps.h"

namespace crema {

class StepProducts {
 public:
  // W: width x cells. engine: whether it may be used.
  void reshape(long steps, long streams, long width, long cells, bool engine);

  std::string implementation() const { return forward_ ? forward_->implementation() : "plain"; }
  long copied(bool backward) const;  // bytes that the engine keeps of W

  // Calls body(part, from, to) for ranges that cover all sequences, side by side; or once, where there are few of them:
  // their products then run on all cores. `w`: W; in body, forward() or backward() multiply with it.
  template <typename Body>
  void for_sequences(bool backward, const real* w, uint64_t version, const Body& body) {
    prepare(backward, w, version);
    const long parts = parts_;
    if (parts == 1) return body(0L, 0L, streams_);
    parallel_for(parts, steps_ * streams_ * width_, [&](long begin, long end) {
      for (long part = begin; part < end; ++part) body(part, streams_ * part / parts, streams_ * (part + 1) / parts);
    });
  }

  void forward(long part, long n, const real* h, real* sums) const;      // sums += h W', of the part's n sequences
  void backward(long part, long n, const real* d_sums, real* dh) const;  // dh = d_sums W

 private:
  long wanted_parts() const;
  void create();
  void prepare(bool backward, const real* w, uint64_t version);

  long steps_ = 0, streams_ = 0, width_ = 0, cells_ = 0, parts_ = 1;
  bool may_use_engine_ = false;
  const real* w_ = nullptr;
  std::unique_ptr<EngineSteps> forward_, backward_;
};

}  // namespace crema

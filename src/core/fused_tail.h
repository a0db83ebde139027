// The work of the following layers that a layer with weights does in its own pass over memory (Layer::absorb), in nets
// that run no backward. First come affine maps of channels, which become part of weights and bias, then an addition,
// then a ReLU.
#pragma once

#include <vector>

#include "core/layer.h"
#include "math/finish.h"

namespace crema {

class FusedTail {
 public:
  // Adds the layer to the tail if it fits that order, and returns whether it does.
  bool take(Layer& next, const Bottoms& others);

  bool has_affine() const { return !affine_.empty(); }
  const Finish& finish() const { return finish_; }
  const real* other() const { return other_ != nullptr ? other_->data() : nullptr; }  // what is added; null: nothing

  struct Weights {
    const real* data;  // null: unchanged since a call before drop_weights()
    uint64_t version;
    const real* bias;  // null if there is none
  };
  // Weights and bias that do the affine maps' work, too: derived from the layer's parameters (weights, then bias if
  // there is one) and from the maps. They are derived again if any of these parameters has changed. The outputs are the
  // weights' first axis, or the last one (transposed).
  Weights weights(const std::vector<Parameter>& own, bool transposed = false);

  // Frees the derived weights until they change: for a reader that has its own copy in another layout.
  void drop_weights() { weights_ = Buffer(); }
  // Derives them anew at the next call.
  void forget_weights() { sources_.clear(); }

 private:
  bool changed(const std::vector<Parameter>& own);
  void derive(const std::vector<Parameter>& own, bool transposed);

  struct Source {
    const real* data = nullptr;
    uint64_t version = 0;
    bool operator==(const Source&) const = default;
  };

  std::vector<const Layer*> affine_;
  Finish finish_;
  const Blob* other_ = nullptr;

  std::vector<Source> sources_;  // all parameters that weights and bias were derived from
  uint64_t version_ = 0;         // of what was derived
  Buffer weights_;
  std::vector<real> factor_, bias_;
};

}  // namespace crema

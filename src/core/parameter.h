// A learnable array of a layer: weights, biases, running statistics. Always in plain layout.
//
// A Parameter is a handle: layers that share a parameter by name, and test nets that share their train net's, hold
// handles with one Storage. Each handle has its own shape (PERMISSIVE sharing compares counts alone).
#pragma once

#include <cstdint>
#include <memory>

#include "crema.pb.h"
#include "math/buffer.h"
#include "math/shape.h"

namespace crema {

class Parameter {
 public:
  struct Storage {
    Buffer data, diff;
    uint64_t version = 1;   // code that changes data raises it
    bool has_diff = false;  // diff holds a gradient that was written since the last update
  };

  Parameter(const Shape& shape, const FillerParameter& filler, bool learns)
      : shape_(shape), filler_(filler), learns_(learns) {}

  const Shape& shape() const { return shape_; }
  long count() const { return shape_.count(); }
  const FillerParameter& filler() const { return filler_; }

  const real* data() const { return storage_->data.data(); }
  real* mutable_data() { return storage_->data.data(); }
  const real* diff() const { return storage_->diff.data(); }
  real* mutable_diff() { return storage_->diff.data(); }

  // Whether a gradient is wanted; backward skips a parameter that does not learn (lr_mult 0, running statistics).
  bool learns() const { return learns_; }
  void set_learns(bool learns) { learns_ = learns; }

  // What the diff is multiplied with before a gradient is added to it: 0 for the first gradient since the last update
  // (the old contents are overwritten), 1 from then on. Call it only to write the diff: it marks the diff as written.
  real beta() {
    const real beta = storage_->has_diff ? 1 : 0;
    storage_->has_diff = true;
    return beta;
  }
  bool has_diff() const { return storage_->has_diff; }
  void forget_diff() { storage_->has_diff = false; }

  // Tells whether data derived from this parameter (reordered weights, ...) is out of date.
  uint64_t version() const { return storage_->version; }
  void raise_version() { ++storage_->version; }

  const std::shared_ptr<Storage>& storage() const { return storage_; }
  void set_storage(std::shared_ptr<Storage> storage) { storage_ = std::move(storage); }

 private:
  Shape shape_;
  FillerParameter filler_;
  bool learns_;
  std::shared_ptr<Storage> storage_;
};

}  // namespace crema

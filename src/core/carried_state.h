// What a recurrent layer carries from batch to batch.
#pragma once

#include <vector>

#include "crema.pb.h"
#include "math/buffer.h"
#include "math/shape.h"

namespace crema {

// Arrays of one shape, zero at first. A repeated pass starts where the one that it repeats did, and moves nothing.
class CarriedState {
 public:
  explicit CarriedState(int arrays) : start_(static_cast<size_t>(arrays)), next_(static_cast<size_t>(arrays)) {}

  // Arrays that had another shape become zero.
  void reshape(const Shape& shape);

  // A pass begins: start(k) is what it starts from.
  void begin(bool replay) {
    if (!replay) start_.swap(next_);
  }
  const real* start(int k) const { return start_[k].data(); }
  // The pass has ended with these values of array k.
  void end(bool replay, int k, const real* last);

  void save(LayerProgress& progress) const;
  // Throws Error for another number of arrays, for other shapes, and for numbers that are not finite.
  void restore(const LayerProgress& progress);

 private:
  Shape shape_{0};
  std::vector<Buffer> start_, next_;  // of this pass and of the one after it
};

}  // namespace crema

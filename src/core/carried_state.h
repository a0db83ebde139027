// What a recurrent layer carries from batch to batch.
#pragma once

#include <optional>
#include <vector>

#include "crema.pb.h"
#include "math/buffer.h"
#include "math/shape.h"

namespace crema {

// Arrays of one shape, zero at first. A repeated pass starts where the one that it repeats did, and moves nothing.
// Those of a new shape take the others' place when a pass begins: a shape that is taken back before costs nothing.
class CarriedState {
 public:
  explicit CarriedState(int arrays) { now_.start.resize(arrays), now_.next.resize(arrays); }

  // Arrays that had another shape become zero.
  void reshape(const Shape& shape);

  // A pass begins: start(k) is what it starts from.
  void begin(bool replay);
  const real* start(int k) const { return now_.start[k].data(); }
  // The pass has ended with these values of array k.
  void end(bool replay, int k, const real* last);

  void save(LayerProgress& progress) const;
  // Throws Error for another number of arrays, for other shapes, and for numbers that are not finite.
  void restore(const LayerProgress& progress);

 private:
  struct Arrays {
    Shape shape{0};
    std::vector<Buffer> start, next;  // of this pass and of the one after it
  };
  const Arrays& latest() const { return waiting_ ? *waiting_ : now_; }

  Arrays now_;
  std::optional<Arrays> waiting_;  // of the shape that the next pass has, where that is another one
};

}  // namespace crema

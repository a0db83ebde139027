// What a recurrent layer carries from batch to batch.
#pragma once

#include <optional>
#include <vector>

#include "crema.pb.h"
#include "math/buffer.h"
#include "math/shape.h"

namespace crema {

// Arrays of one shape, zero at first. A repeated pass starts from the same values as the pass that it repeats, and
// changes nothing. Arrays of a new shape replace the old ones when a pass begins, so nothing is lost if the shape is
// changed back before.
class CarriedState {
 public:
  explicit CarriedState(int arrays) { now_.start.resize(arrays), now_.next.resize(arrays); }

  // Arrays that had another shape become zero.
  void reshape(const Shape& shape);

  // To be called when a pass begins. start(k) is what the pass starts from.
  void begin(bool replay);
  const real* start(int k) const { return now_.start[k].data(); }
  // To be called at the end of a pass, with its last values of array k.
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
  std::optional<Arrays> waiting_;  // arrays for the next pass, if its shape differs
};

}  // namespace crema

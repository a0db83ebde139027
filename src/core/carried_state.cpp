#include "core/carried_state.h"

#include <cmath>

#include "core/weights.h"
#include "math/loops.h"

namespace crema {

void CarriedState::reshape(const Shape& shape) {
  if (shape == shape_) return;
  shape_ = shape;
  for (Buffer& array : start_) array = Buffer(shape.count());
  for (Buffer& array : next_) array = Buffer(shape.count());
}

void CarriedState::end(bool replay, int k, const real* last) {
  if (!replay) copy_elements(shape_.count(), last, next_[k].data());
}

void CarriedState::save(LayerProgress& progress) const {
  for (const Buffer& array : next_) to_proto(shape_, array.data(), progress.add_state());
}

void CarriedState::restore(const LayerProgress& progress) {
  check(static_cast<size_t>(progress.state_size()) == next_.size(), "{} arrays of carried state, and the layer has {}",
        progress.state_size(), next_.size());
  std::vector<Buffer> read;
  for (const BlobProto& proto : progress.state()) {
    Buffer& array = read.emplace_back(shape_.count());
    try {
      from_proto(proto, shape_, array.data());
    } catch (const Error& error) {
      throw Error("carried state {}: {}", read.size() - 1, error.what());
    }
    for (long i = 0; i < shape_.count(); ++i) {
      check(std::isfinite(array[i]), "carried state {}: damaged: element {} is no finite number", read.size() - 1, i);
    }
  }
  next_ = std::move(read);
}

}  // namespace crema

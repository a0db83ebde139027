#include "core/carried_state.h"

#include <cmath>

#include "core/weights.h"
#include "math/loops.h"

namespace crema {

void CarriedState::reshape(const Shape& shape) {
  if (shape == latest().shape) return;
  waiting_.reset();
  if (shape == now_.shape) return;
  Arrays arrays{shape, {}, {}};
  for (size_t k = 0; k < now_.start.size(); ++k) {
    arrays.start.emplace_back(shape.count());
    arrays.next.emplace_back(shape.count());
  }
  waiting_ = std::move(arrays);
}

void CarriedState::begin(bool replay) {
  if (waiting_) now_ = std::move(*waiting_);
  waiting_.reset();
  if (!replay) now_.start.swap(now_.next);
}

void CarriedState::end(bool replay, int k, const real* last) {
  if (!replay) copy_elements(now_.shape.count(), last, now_.next[k].data());
}

void CarriedState::save(LayerProgress& progress) const {
  for (const Buffer& array : latest().next) to_proto(latest().shape, array.data(), progress.add_state());
}

void CarriedState::restore(const LayerProgress& progress) {
  const Shape& shape = latest().shape;
  check(static_cast<size_t>(progress.state_size()) == now_.next.size(),
        "{} arrays of carried state, and the layer has {}", progress.state_size(), now_.next.size());
  std::vector<Buffer> read;
  for (const BlobProto& proto : progress.state()) {
    Buffer& array = read.emplace_back(shape.count());
    try {
      from_proto(proto, shape, array.data());
    } catch (const Error& error) {
      throw Error("carried state {}: {}", read.size() - 1, error.what());
    }
    for (long i = 0; i < shape.count(); ++i) {
      check(std::isfinite(array[i]), "carried state {}: damaged: element {} is no finite number", read.size() - 1, i);
    }
  }
  (waiting_ ? *waiting_ : now_).next = std::move(read);
}

}  // namespace crema

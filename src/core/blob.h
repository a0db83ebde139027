// A blob is what layers exchange: data, its gradient ("diff") of the same shape, and a layout for both.
//
// A blob points at memory that another object owns (usually the net's memory plan), unless allocate() gave it its
// own.
#pragma once

#include <utility>

#include "math/buffer.h"
#include "math/layout.h"
#include "math/real.h"
#include "math/shape.h"

namespace crema {

class Blob {
 public:
  Blob() = default;
  explicit Blob(const Shape& shape) : shape_(shape), storage_(shape.count()) {}

  const Shape& shape() const { return shape_; }
  int axes() const { return shape_.axes(); }
  long dim(int axis) const { return shape_[axis]; }
  long count() const { return shape_.count(); }
  Layout layout() const { return layout_; }
  // Elements in memory, the layout's padding included. Equal to count() in plain layout.
  long storage() const { return storage_; }

  // Sets shape and layout. The pointers to data and diff are stale until the next bind() or allocate().
  void reshape(const Shape& shape, Layout layout = Layout::plain) {
    storage_ = storage_count(shape, layout);
    shape_ = shape;
    layout_ = layout;
  }

  const real* data() const { return data_; }
  const real* diff() const { return diff_; }
  real* mutable_data() { return data_; }
  real* mutable_diff() { return diff_; }

  // Points at memory of storage() elements each; either may be null.
  void bind(real* data, real* diff) {
    data_ = data;
    diff_ = diff;
  }

  // Own memory for data and diff, filled with zeros.
  void allocate() {
    Buffer data(storage_), diff(storage_);
    own_data_ = std::move(data);
    own_diff_ = std::move(diff);
    bind(own_data_.data(), own_diff_.data());
  }

 private:
  Shape shape_;
  Layout layout_ = Layout::plain;
  long storage_ = 1;
  real* data_ = nullptr;
  real* diff_ = nullptr;
  Buffer own_data_, own_diff_;
};

}  // namespace crema

#include "math/reorder.h"

#include <algorithm>

#include "base/parallel.h"
#include "math/engine_bounds.h"
#include "math/onednn.h"

namespace crema {
namespace {

// A layout as steps in memory over (batch, channels, everything else as one axis): element (n, c, s) lies at
// at(n, c) + s * rest.
struct Steps {
  long batch, channel, rest, block;

  Steps(long channels, long size, Layout layout) : block(block_size(layout)) {
    const bool last = layout == Layout::channels_last;
    batch = (channels + block - 1) / block * block * size;
    channel = last ? 1 : size * block;
    rest = last ? channels : block;
  }

  long at(long n, long c) const { return n * batch + c / block * channel + c % block; }
};

// For builds without the engine, and for shapes that it does not support.
void move(const Shape& shape, Layout from_layout, Layout to_layout, const real* from, real* to) {
  if (shape.axes() < 2) {  // no channels: all layouts are one
    std::copy_n(from, shape.count(), to);
    return;
  }
  const long channels = shape[1], size = shape.count_from(2);
  const Steps a(channels, size, from_layout), b(channels, size, to_layout);
  const long storage = storage_count(shape, to_layout);
  if (storage > shape.count()) std::fill(to, to + storage, real{0});
  parallel_for(shape[0] * channels, size, [&](long begin, long end) {
    for (long row = begin; row < end; ++row) {
      const real* x = from + a.at(row / channels, row % channels);
      real* y = to + b.at(row / channels, row % channels);
      for (long s = 0; s < size; ++s) y[s * b.rest] = x[s * a.rest];
    }
  });
}

}  // namespace

struct Reorder::Kernel {
  Shape shape;
  Layout from, to;
#ifdef CREMA_ENGINE
  mutable onednn::Primitive primitive;  // a run changes only the pointers of its arguments
#endif
};

Reorder::Reorder(const Shape& shape, Layout from, Layout to) : kernel_(new Kernel{}) {
  kernel_->shape = shape;
  kernel_->from = from;
  kernel_->to = to;
#ifdef CREMA_ENGINE
  const bool blocked = block_size(from) > 1 || block_size(to) > 1;
  if (shape.axes() >= (blocked ? 3 : 1) && shape.axes() <= 5 && shape.count() > 0 && engine_takes({shape})) {
    kernel_->primitive = onednn::make_reorder(onednn::describe(shape, from), onednn::describe(shape, to));
  }
#endif
}

Reorder::~Reorder() = default;
Reorder::Reorder(Reorder&&) noexcept = default;
Reorder& Reorder::operator=(Reorder&&) noexcept = default;

void Reorder::run(const real* from, real* to) const {
#ifdef CREMA_ENGINE
  if (kernel_->primitive) return kernel_->primitive.run({{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
#endif
  move(kernel_->shape, kernel_->from, kernel_->to, from, to);
}

}  // namespace crema

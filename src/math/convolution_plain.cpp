#include "math/convolution_plain.h"

#include <algorithm>

#include <omp.h>

#include "base/parallel.h"
#include "math/blas.h"
#include "math/shape.h"

namespace crema {
namespace {

// Gradients of the weights are summed within this many groups of images, then over the groups: the order of the sums
// does not depend on how many threads take part.
constexpr long kBlocks = 16;
constexpr long kMaxPartials = 1L << 24;  // elements

// How many of `items` (images, or blocks of them) are worked on side by side, each on one thread. With fewer items
// than threads it is one, and all threads work on that.
long lanes_of(long items) {
  const long threads = omp_get_max_threads();
  return items < threads ? 1 : threads;
}

}  // namespace

PlainConvolution::PlainConvolution(const Patches& patches, long batch, long outputs, long group)
    : patches_(patches),
      batch_(batch),
      group_(group),
      outputs_(outputs / group),
      inputs_(patches.rows() / group),
      positions_(patches.columns()),
      matrix_count_(patches.windows.trivial() ? 0 : Shape{patches.rows(), patches.columns()}.count()) {}

PlainConvolution::Blocks PlainConvolution::blocks() const {
  const long count = std::min(batch_, kBlocks);
  const long lanes = count * weights_count() > kMaxPartials ? 1 : lanes_of(count);
  return {count, lanes, lanes == 1 ? 1 : count};
}

long PlainConvolution::data_memory() const { return lanes_of(batch_) * matrix_count_; }

long PlainConvolution::weights_memory() const {
  const Blocks b = blocks();
  return b.lanes * matrix_count_ + b.sums * weights_count();
}

// Calls body(item, matrix) for all items; `matrix` is room for the patches of an image in `memory`, one a lane.
template <typename Body>
void PlainConvolution::for_items(long items, long lanes, real* memory, const Body& body) const {
  const long cost = batch_ * weights_count() / lanes * positions_;
  parallel_for(lanes, cost, [&](long first, long last) {
    for (long lane = first; lane < last; ++lane) {
      for (long i = items * lane / lanes; i < items * (lane + 1) / lanes; ++i) body(i, memory + lane * matrix_count_);
    }
  });
}

// The patches of an image: the image itself where each window is one element.
const real* PlainConvolution::unfold(const real* image, real* matrix) const {
  if (matrix_count_ == 0) return image;
  im2col(patches_, image, matrix);
  return matrix;
}

void PlainConvolution::forward(const real* x, const real* w, const real* b, real* y, real* memory) const {
  const long x_step = patches_.image_count(), y_step = group_ * outputs_ * positions_;
  for_items(batch_, lanes_of(batch_), memory, [&](long n, real* matrix) {
    const real* patches = unfold(x + n * x_step, matrix);
    real* to = y + n * y_step;
    if (b) fill_channels(1, group_ * outputs_, positions_, b, to);
    for (long g = 0; g < group_; ++g) {
      gemm(Use::as_is, Use::as_is, outputs_, positions_, inputs_, 1, w + g * outputs_ * inputs_,
           patches + g * inputs_ * positions_, b ? 1 : 0, to + g * outputs_ * positions_);
    }
  });
}

void PlainConvolution::backward_data(const real* dy, const real* w, real* dx, real* memory) const {
  const long x_step = patches_.image_count(), y_step = group_ * outputs_ * positions_;
  for_items(batch_, lanes_of(batch_), memory, [&](long n, real* matrix) {
    real* patches = matrix_count_ == 0 ? dx + n * x_step : matrix;
    for (long g = 0; g < group_; ++g) {
      gemm(Use::transposed, Use::as_is, inputs_, positions_, outputs_, 1, w + g * outputs_ * inputs_,
           dy + n * y_step + g * outputs_ * positions_, 0, patches + g * inputs_ * positions_);
    }
    if (matrix_count_ > 0) col2im(patches_, matrix, dx + n * x_step);
  });
}

void PlainConvolution::backward_weights(const real* x, const real* dy, real* dw, real beta, real* memory) const {
  const long count = weights_count();
  const Blocks blocks = this->blocks();
  real* sums = memory + blocks.lanes * matrix_count_;
  if (beta == 0) std::fill(dw, dw + count, real{0});
  for_items(blocks.count, blocks.lanes, memory, [&](long block, real* matrix) {
    real* sum = sums + (blocks.sums == 1 ? 0 : block * count);
    sum_images(x, dy, batch_ * block / blocks.count, batch_ * (block + 1) / blocks.count, matrix, sum);
    if (blocks.sums == 1) axpy(count, 1, sum, dw);
  });
  if (blocks.sums == 1) return;
  parallel_for(count, blocks.count, [&](long begin, long end) {
    for (long block = 0; block < blocks.count; ++block) {
      const real* sum = sums + block * count;
      for (long i = begin; i < end; ++i) dw[i] += sum[i];
    }
  });
}

// sum = the weights' gradient of the images begin .. end-1.
void PlainConvolution::sum_images(const real* x, const real* dy, long begin, long end, real* matrix, real* sum) const {
  for (long n = begin; n < end; ++n) {
    const real* patches = unfold(x + n * patches_.image_count(), matrix);
    for (long g = 0; g < group_; ++g) {
      gemm(Use::as_is, Use::transposed, outputs_, inputs_, positions_, 1, dy + (n * group_ + g) * outputs_ * positions_,
           patches + g * inputs_ * positions_, n == begin ? 0 : 1, sum + g * outputs_ * inputs_);
    }
  }
}

}  // namespace crema

#include "math/convolution_plain.h"

#include <algorithm>

#include <omp.h>

#include "base/parallel.h"
#include "math/blas.h"
#include "math/shape.h"

namespace crema {
namespace {

// Gradients of the weights are summed within this many blocks of images, then over the blocks, so that the order of the
// sums does not depend on the number of threads.
constexpr long kBlocks = 16;
constexpr long kMaxPartials = 1L << 24;  // elements

// If each channel has more outputs than this, a matrix product is faster, since the matrix has enough rows.
constexpr long kMaxDepthwise = 4;

// How many of `items` (images, or blocks of them) are worked on side by side, each on one thread. With fewer items than
// threads, items are done one by one, each on all threads.
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
      matrix_count_(patches.windows.trivial() ? 0 : Shape{patches.rows(), patches.columns()}.count()) {
  const bool each_channel = group == patches.channels && (group > 1 || outputs == 1);
  if (each_channel && outputs_ <= kMaxDepthwise && Depthwise::fits(patches)) depthwise_ = Depthwise(patches, outputs_);
}

PlainConvolution::Blocks PlainConvolution::blocks() const {
  const long count = std::min(batch_, kBlocks);
  if (depthwise_) return {count, omp_get_max_threads(), count};
  const long lanes = count * weights_count() > kMaxPartials ? 1 : lanes_of(count);
  return {count, lanes, lanes == 1 ? 1 : count};
}

long PlainConvolution::lane_memory() const { return depthwise_ ? depthwise_.memory() : matrix_count_; }

long PlainConvolution::data_memory() const {
  return (depthwise_ ? omp_get_max_threads() : lanes_of(batch_)) * lane_memory();
}

long PlainConvolution::weights_memory() const {
  const Blocks b = blocks();
  return b.lanes * lane_memory() + b.sums * weights_count();
}

// Calls body(item, matrix) for all items; `matrix` is the lane's part of `memory`, with room for the patches of one
// image.
template <typename Body>
void PlainConvolution::for_items(long items, long lanes, real* memory, const Body& body) const {
  const long cost = batch_ * weights_count() / lanes * positions_;
  parallel_for(lanes, cost, [&](long first, long last) {
    for (long lane = first; lane < last; ++lane) {
      for (long i = items * lane / lanes; i < items * (lane + 1) / lanes; ++i) body(i, memory + lane * matrix_count_);
    }
  });
}

// Calls body(plane, memory) for all planes; each thread has its own part of `memory`, which is cleared first.
template <typename Body>
void PlainConvolution::for_planes(long planes, real* memory, const Body& body) const {
  const long lanes = omp_get_max_threads();
  parallel_for(lanes, std::max(1L, planes / lanes) * outputs_ * inputs_ * positions_, [&](long first, long last) {
    real* own = memory + first * depthwise_.memory();
    depthwise_.clear(own);
    for (long i = planes * first / lanes; i < planes * last / lanes; ++i) body(i, own);
  });
}

// The patches of an image. If each window is one element, they are the image itself.
const real* PlainConvolution::unfold(const real* image, real* matrix) const {
  if (matrix_count_ == 0) return image;
  im2col(patches_, image, matrix);
  return matrix;
}

void PlainConvolution::forward(const real* x, const real* w, const real* b, real* y, real* memory) const {
  if (depthwise_) {
    return for_planes(batch_ * group_, memory, [&](long i, real* own) {
      const long c = i % group_, plane = patches_.image_count() / group_;
      depthwise_.forward(x + i * plane, w + c * outputs_ * inputs_, b ? b + c * outputs_ : nullptr,
                         y + i * outputs_ * positions_, own);
    });
  }
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
  if (depthwise_) {
    return for_planes(batch_ * group_, memory, [&](long i, real* own) {
      depthwise_.backward_data(dy + i * outputs_ * positions_, w + i % group_ * outputs_ * inputs_,
                               dx + i * (patches_.image_count() / group_), own);
    });
  }
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
  real* sums = memory + blocks.lanes * lane_memory();
  if (beta == 0) std::fill(dw, dw + count, real{0});
  if (depthwise_) {
    depthwise_weights(x, dy, sums, memory);
  } else {
    for_items(blocks.count, blocks.lanes, memory, [&](long block, real* matrix) {
      real* sum = sums + (blocks.sums == 1 ? 0 : block * count);
      sum_images(x, dy, batch_ * block / blocks.count, batch_ * (block + 1) / blocks.count, matrix, sum);
      if (blocks.sums == 1) axpy(count, 1, sum, dw);
    });
  }
  if (blocks.sums == 1 && !depthwise_) return;
  parallel_for(count, blocks.count, [&](long begin, long end) {
    for (long block = 0; block < blocks.count; ++block) {
      const real* sum = sums + block * count;
      for (long i = begin; i < end; ++i) dw[i] += sum[i];
    }
  });
}

// The weights' gradient of each block of images.
void PlainConvolution::depthwise_weights(const real* x, const real* dy, real* sums, real* memory) const {
  const long blocks = this->blocks().count, plane = patches_.image_count() / group_, count = outputs_ * inputs_;
  for_planes(blocks * group_, memory, [&](long i, real* own) {
    const long block = i / group_, c = i % group_;
    real* sum = sums + i * count;
    std::fill_n(sum, count, real{0});
    for (long n = batch_ * block / blocks; n < batch_ * (block + 1) / blocks; ++n) {
      const long at = n * group_ + c;
      depthwise_.backward_weights(x + at * plane, dy + at * outputs_ * positions_, sum, own);
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

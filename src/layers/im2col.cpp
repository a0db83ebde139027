// Im2col:  y[n, (c, k), p] = x[n, c, p * stride - pad + k * dilation],  with zeros outside of x: the windows of a
// convolution, each as a column.
// bottom[0] x: batch axes, channels (at `axis`), any number of spatial axes.  top[0] y: channels times the kernel's
// elements in place of the channels, the windows' positions in place of the spatial sizes.  No parameters.
// Of convolution_param it reads what describes the windows.  Rejects a kernel larger than the padded input.
#include "base/parallel.h"
#include "core/layer.h"
#include "core/window_fields.h"

namespace crema {
namespace {

class Im2col final : public Layer {
 public:
  explicit Im2col(const LayerParameter& config)
      : axis_(config.convolution_param().axis()), fields_(config.convolution_param()) {}

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    const int axis = x.canonical(axis_);
    patches_ = fields_.patches(x, axis);
    batch_ = x.count(0, axis);
    std::vector<long> dims(x.dims().begin(), x.dims().begin() + axis);
    dims.push_back(rows_of(patches_));
    dims.insert(dims.end(), patches_.output.begin(), patches_.output.end());
    top[0]->reshape(Shape(dims));
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    for_images([&](long n) { im2col(patches_, x + n * patches_.image_count(), y + n * patches_.count()); });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real* dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    for_images([&](long n) { col2im(patches_, dy + n * patches_.count(), dx + n * patches_.image_count()); });
  }

 private:
  // The same as Patches::rows(), but checks for overflow.
  static long rows_of(const Patches& patches) {
    std::vector<long> factors = patches.windows.kernel;
    factors.push_back(patches.channels);
    return Shape(factors).count();
  }

  // With few images, each image runs on all threads; with many, each runs on one.
  template <typename Body>
  void for_images(const Body& body) const {
    const bool few = batch_ < omp_get_max_threads();
    if (few) {
      for (long n = 0; n < batch_; ++n) body(n);
      return;
    }
    parallel_for(batch_, patches_.count(), [&](long begin, long end) {
      for (long n = begin; n < end; ++n) body(n);
    });
  }

  int axis_;
  WindowFields fields_;
  Patches patches_;
  long batch_ = 0;
};

const RegisterLayer<Im2col> registered("Im2col", "convolution_param");

}  // namespace
}  // namespace crema

// Crop:  y = the part of x that begins at the offsets and has the sizes of bottom[1], on `axis` and all axes after it.
// bottom[0] x: any shape.  bottom[1]: as many axes; its values are not read, its gradient is 0.  top[0] y.  No
// parameters. offset: none (0), one for all cropped axes, or one for each.  Rejects a part that reaches beyond x. Long
// et al., 2015, arXiv:1411.4038.
#include <algorithm>

#include "base/parallel.h"
#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Crop final : public Layer {
 public:
  explicit Crop(const LayerParameter& config) : config_(config.crop_param()) {}

  Contract contract() const override { return Contract().bottoms(2).shape_from({1}); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape &x = bottom[0]->shape(), &like = bottom[1]->shape();
    check(x.axes() == like.axes(), "bottom 0 ({}) and bottom 1 ({}) must have as many axes", x.str(), like.str());
    const int axis = x.canonical(config_.axis()), cropped = x.axes() - axis, offsets = config_.offset_size();
    check(offsets <= 1 || offsets == cropped, "{} offsets for {} cropped axes; expected one, or one for each", offsets,
          cropped);
    std::vector<long> dims = x.dims();
    offset_.assign(dims.size(), 0);
    for (int a = axis; a < x.axes(); ++a) {
      offset_[a] = offsets == 0 ? 0 : config_.offset(offsets == 1 ? 0 : a - axis);
      dims[a] = like[a];
      check(offset_[a] + dims[a] <= x[a],
            "{} elements from offset {} on reach beyond the {} of bottom 0 ({}) on axis {}", dims[a], offset_[a], x[a],
            x.str(), a);
    }
    takes(1, bottom[1]->layout());
    top[0]->reshape(Shape(dims));
    rows_ = top[0]->shape().count(0, x.axes() - 1);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    const long n = row_length(top);
    for_rows(bottom[0]->shape(), top[0]->shape(), [&](long row, long at) { std::copy_n(x + at, n, y + row * n); });
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    if (!down[0]) return;
    const real* dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    const long n = row_length(top);
    for_elements(bottom[0]->count(), 1, [=](long i) { dx[i] = 0; });
    for_rows(bottom[0]->shape(), top[0]->shape(), [&](long row, long at) { std::copy_n(dy + row * n, n, dx + at); });
  }

 private:
  static long row_length(const Tops& top) { return top[0]->dim(top[0]->axes() - 1); }

  // Calls body(row of the top, the position in x at which it begins).
  template <typename Body>
  void for_rows(const Shape& x, const Shape& y, const Body& body) const {
    const int last = x.axes() - 1;
    parallel_for(rows_, y[last], [&](long begin, long end) {
      for (long row = begin; row < end; ++row) {
        long rest = row, at = offset_[last], stride = x[last];
        for (int a = last; a-- > 0; rest /= y[a], stride *= x[a]) at += (rest % y[a] + offset_[a]) * stride;
        body(row, at);
      }
    });
  }

  CropParameter config_;
  std::vector<long> offset_;  // per axis of x
  long rows_ = 0;             // of the top: along its last axis
};

const RegisterLayer<Crop> registered("Crop", "crop_param");

}  // namespace
}  // namespace crema

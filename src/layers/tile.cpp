// Tile:  y = x, repeated `tiles` times along `axis`.
// bottom[0] x: any shape with the axis.  top[0] y: `tiles` times its size there.  No parameters.
#include <algorithm>

#include "base/parallel.h"
#include "core/layer.h"

namespace crema {
namespace {

class Tile final : public Layer {
 public:
  explicit Tile(const LayerParameter& config) : axis_(config.tile_param().axis()), tiles_(config.tile_param().tiles()) {
    check(tiles_ > 0, "tiles is {}; it must be given and positive", tiles_);
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    const int axis = shape.canonical(axis_);
    std::vector<long> dims = shape.dims();
    dims[axis] = Shape{dims[axis], tiles_}.count();
    top[0]->reshape(Shape(dims));
    rows_ = shape.count(0, axis);
    length_ = shape.count_from(axis);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    parallel_for(rows_ * tiles_, length_, [&](long begin, long end) {
      for (long copy = begin; copy < end; ++copy) std::copy_n(x + copy / tiles_ * length_, length_, y + copy * length_);
    });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real* dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    parallel_for(rows_ * length_, tiles_, [&](long begin, long end) {
      while (begin < end) {
        const long row = begin / length_, column = begin % length_, n = std::min(length_ - column, end - begin);
        add_copies(n, dy + row * tiles_ * length_ + column, dx + begin);
        begin += n;
      }
    });
  }

 private:
  // sum = the sum over the copies of n elements.
  void add_copies(long n, const real* copies, real* sum) const {
    std::copy_n(copies, n, sum);
    for (long k = 1; k < tiles_; ++k) {
      const real* copy = copies + k * length_;
      for (long i = 0; i < n; ++i) sum[i] += copy[i];
    }
  }

  int axis_;
  long tiles_;
  long rows_ = 0, length_ = 0;  // x is rows_ pieces of length_ elements, each of which is repeated
};

const RegisterLayer<Tile> registered("Tile", "tile_param");

}  // namespace
}  // namespace crema

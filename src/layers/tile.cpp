// Tile:  y = x, repeated `tiles` times along `axis`.
// bottom[0] x: any shape.  top[0] y: x's shape, tiles times as long along axis.  No parameters.  Rejects tiles <= 0.
#include <algorithm>

#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

constexpr long kBlock = 512;  // elements for which all tiles' gradients are added at once, within the first-level cache

class Tile final : public Layer {
 public:
  explicit Tile(const LayerParameter& config) : axis_(config.tile_param().axis()), tiles_(config.tile_param().tiles()) {
    check(tiles_ > 0, "tiles is {}; it must be at least 1", tiles_);
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    const int axis = x.canonical(axis_);
    std::vector<long> dims = x.dims();
    dims[axis] = size_product(dims[axis], tiles_, "the tiled axis");
    top[0]->reshape(Shape(dims));
    outer_ = x.count(0, axis);
    inner_ = x.count_from(axis);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    if (inner_ == 1) return repeat_numbers(x, y);
    parallel_for(top[0]->count(), 1, [&](long begin, long end) {
      long row = begin / inner_ / tiles_, tile = begin / inner_ % tiles_, column = begin % inner_;
      while (begin < end) {
        const long n = std::min(inner_ - column, end - begin);
        std::copy_n(x + row * inner_ + column, n, y + begin);
        begin += n;
        column = 0;
        if (++tile == tiles_) tile = 0, ++row;
      }
    });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real* dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    if (inner_ == 1) return add_numbers(dy, dx);
    parallel_for(bottom[0]->count(), tiles_, [&](long begin, long end) {
      long row = begin / inner_, column = begin % inner_;
      while (begin < end) {
        const long n = std::min({inner_ - column, end - begin, kBlock});
        add_tiles(dy + row * tiles_ * inner_ + column, n, dx + begin);
        begin += n;
        column += n;
        if (column == inner_) column = 0, ++row;
      }
    });
  }

 private:
  void repeat_numbers(const real* x, real* y) const {
    parallel_for(outer_, tiles_, [&](long begin, long end) {
      for (long i = begin; i < end; ++i) std::fill_n(y + i * tiles_, tiles_, x[i]);
    });
  }

  void add_numbers(const real* dy, real* dx) const {
    parallel_for(outer_, tiles_, [&](long begin, long end) {
      for (long i = begin; i < end; ++i) {
        dx[i] = static_cast<real>(sum(i * tiles_, (i + 1) * tiles_, [=](long k) { return dy[k]; }));
      }
    });
  }

  void add_tiles(const real* dy, long n, real* dx) const {
    std::copy_n(dy, n, dx);
    for (long tile = 1; tile < tiles_; ++tile) {
      const real* more = dy + tile * inner_;
#pragma omp simd
      for (long i = 0; i < n; ++i) dx[i] += more[i];
    }
  }

  int axis_;
  long tiles_, outer_ = 0, inner_ = 0;  // y is outer_ times tiles_ copies of inner_ elements
};

const RegisterLayer<Tile> registered("Tile", "tile_param");

}  // namespace
}  // namespace crema

// Normalize:  y = w x / sqrt(sum of x^2 + eps),  the sum over all of a record.
// Without across_spatial the sum is over the channels at each place.
// bottom[0] x: (N, C, ...).  top[0] y: the shape of x.
// Parameter: w, one number, or (C) without channel_shared; filled with 1 by default.
// Liu et al., 2015, arXiv:1512.02325 (SSD).
#include "math/normalize.h"

#include <cmath>

#include "core/filler.h"
#include "core/layer.h"
#include "math/place_tiles.h"

namespace crema {
namespace {

class Normalize final : public Layer {
 public:
  explicit Normalize(const LayerParameter& config)
      : across_(config.norm_param().across_spatial()),
        shared_(config.norm_param().channel_shared()),
        filler_(config.norm_param().scale_filler()),
        norm_{false, Normalization::length, config.norm_param().eps()} {
    if (!config.norm_param().has_scale_filler()) filler_.set_value(1);
    check_filler(filler_);
    check(norm_.eps >= 0, "eps is {}; it must not be negative", norm_.eps);
  }

  Contract contract() const override { return Contract().reads_bottom_data(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    check(shape.axes() > 1, "bottom 0 ({}) has {} axes; at least 2 are needed: N, C", shape.str(), shape.axes());
    split_ = AxisSplit(shape, 1);
    const long channels = split_.channels, inner = split_.inner;
    groups_ = {split_.outer, 1, shared_ ? 1 : channels, shared_ ? channels * inner : inner};
    declare_parameter(0, shared_ ? Shape() : Shape{channels}, filler_);
    inverse_.resize(across_ ? split_.outer : split_.outer * inner);
    mean_.assign(across_ ? inverse_.size() : 0, 0);
    top[0]->reshape(shape);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real *x = bottom[0]->data(), *w = parameters()[0].data();
    real* y = top[0]->mutable_data();
    if (across_) return normalize_groups(norm_, groups_, x, w, nullptr, y, statistics());
    for_tiles(split_, 4,
              [&](long place, long base, long n) { normalize_places(x + base, w, n, &inverse_[place], y + base); });
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    Parameter& w = parameters()[0];
    const real *x = bottom[0]->data(), *dy = top[0]->diff();
    real* dx = down[0] ? bottom[0]->mutable_diff() : nullptr;
    if (across_) {
      real* sums = scratch(2 * groups_.records * groups_.channels);
      normalize_groups_gradient(norm_, groups_, {x, false}, statistics(), w.data(), dy, dx, sums);
      if (w.learns()) add_group_sums(groups_, sums, 1, w.beta(), w.mutable_diff());
      return;
    }
    real* sums = w.learns() ? scratch(split_.outer * tiles() * split_.channels) : nullptr;
    for_tiles(split_, 8, [&](long place, long base, long n) {
      if (sums) sum_places(x + base, dy + base, n, &inverse_[place], sums + tile_of(place) * split_.channels);
      if (dx) places_gradient(x + base, w.data(), dy + base, n, &inverse_[place], dx + base);
    });
    if (sums) add_sums(sums, w.beta(), w.mutable_diff());
  }

 private:
  RowStatistics statistics() { return {mean_.data(), inverse_.data()}; }
  long tiles() const { return (split_.inner + kTile - 1) / kTile; }
  real factor(const real* w, long c) const { return w[shared_ ? 0 : c]; }

  // The number of the tile that begins at a place.
  long tile_of(long place) const { return place / split_.inner * tiles() + place % split_.inner / kTile; }

  void normalize_places(const real* x, const real* w, long n, real* inverse, real* y) const {
    const long channels = split_.channels, inner = split_.inner;
    double squares[kTile] = {};
    for (long c = 0; c < channels; ++c) {
      const real* row = x + c * inner;
#pragma omp simd
      for (long k = 0; k < n; ++k) squares[k] += static_cast<double>(row[k]) * static_cast<double>(row[k]);
    }
    for (long k = 0; k < n; ++k) inverse[k] = norm_.inverse(squares[k], channels);
    for (long c = 0; c < channels; ++c) {
      const real *row = x + c * inner, scale = factor(w, c);
      real* to = y + c * inner;
#pragma omp simd
      for (long k = 0; k < n; ++k) to[k] = scale * row[k] * inverse[k];
    }
  }

  // sums[c]: of dy xhat over the places.
  void sum_places(const real* x, const real* dy, long n, const real* inverse, real* sums) const {
    for (long c = 0; c < split_.channels; ++c) {
      const real *row = x + c * split_.inner, *slope = dy + c * split_.inner;
      sums[c] = static_cast<real>(sum(0, n, [=](long k) { return slope[k] * row[k] * inverse[k]; }));
    }
  }

  // dx = inverse (w dy - xhat * the channels' sum of w dy xhat), xhat = x inverse.
  void places_gradient(const real* x, const real* w, const real* dy, long n, const real* inverse, real* dx) const {
    const long channels = split_.channels, inner = split_.inner;
    double sums[kTile] = {};
    for (long c = 0; c < channels; ++c) {
      const real *row = x + c * inner, *slope = dy + c * inner, scale = factor(w, c);
#pragma omp simd
      for (long k = 0; k < n; ++k) sums[k] += static_cast<double>(scale * slope[k] * row[k]);
    }
    real share[kTile];
    for (long k = 0; k < n; ++k) share[k] = inverse[k] * inverse[k] * static_cast<real>(sums[k]);
    for (long c = 0; c < channels; ++c) {
      const real *row = x + c * inner, *slope = dy + c * inner, scale = factor(w, c);
      real* to = dx + c * inner;
#pragma omp simd
      for (long k = 0; k < n; ++k) to[k] = inverse[k] * (scale * slope[k] - row[k] * share[k]);
    }
  }

  // dw = beta dw + the tiles' sums.
  void add_sums(const real* sums, real beta, real* dw) const {
    const long rows = split_.outer * tiles(), channels = split_.channels;
    const auto done = [=](long c, double sum) {
      dw[c] = static_cast<real>(sum) + (beta == 0 ? 0 : beta * dw[c]);  // memory may hold NaN
    };
    if (shared_) return done(0, parallel_sum(rows * channels, 1, [=](long i) { return sums[i]; }));
    AxisSplit columns;
    columns.outer = rows;
    columns.channels = channels;
    reduce_channels(
        columns, nullptr, [=](long, long i) { return sums[i]; }, done);
  }

  bool across_, shared_;
  FillerParameter filler_;
  Normalization norm_;
  AxisSplit split_;
  Groups groups_;          // across_spatial: the rows
  Buffer mean_, inverse_;  // of the rows, or of the places, of this pass; mean_: zeros
};

const RegisterLayer<Normalize> registered("Normalize", "norm_param");

}  // namespace
}  // namespace crema

// Upsample:  y[i, j] = x[floor(i H / H'), floor(j W / W')]  with one bottom: the nearest neighbour.
// With two:  y = 0, but y[p] = x[i, j] where p = mask[i, j]: the unpooling of SegNet.  Where several x have one p, the
// last stands there and each takes dy.  bottom[0] x: (N, C, H, W).  bottom[1] mask, as top[1] of Pooling gives it: the
// shape of x; takes no gradient.  top[0] y: (N, C, H', W'): upsample_h and upsample_w, or the scales times H and W;
// pad_out_h and pad_out_w then leave out the last row and column.  No parameters.  Rejects mask values outside of the
// plane, pad_out without scale 2.  Badrinarayanan et al., 2015, arXiv:1511.00561 (fork "caffe-segnet").
#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/parallel.h"
#include "core/layer.h"

namespace crema {
namespace {

class Upsample final : public Layer {
 public:
  explicit Upsample(const LayerParameter& config)
      : unpools_(config.bottom_size() > 1), config_(config.upsample_param()) {
    const UpsampleParameter& p = config_;
    check(p.has_upsample_h() == p.has_upsample_w(), "upsample_h and upsample_w belong together; one of them is given");
    if (p.has_upsample_h()) {
      check(p.upsample_h() > 0 && p.upsample_w() > 0, "upsample_h and upsample_w are {} and {}; they must be positive",
            p.upsample_h(), p.upsample_w());
      check(!p.has_scale_h() && !p.has_scale_w() && !p.pad_out_h() && !p.pad_out_w(),
            "upsample_h and upsample_w give the size; scale_h, scale_w, pad_out_h and pad_out_w make no sense there");
      return;
    }
    scale_h_ = p.has_scale_h() ? p.scale_h() : p.scale();
    scale_w_ = p.has_scale_w() ? p.scale_w() : p.scale();
    check(scale_h_ > 0 && scale_w_ > 0, "the scale is {}x{}; it must be at least 1", scale_h_, scale_w_);
    check(!p.pad_out_h() || scale_h_ == 2, "pad_out_h goes with a scale of 2 alone; it is {}", scale_h_);
    check(!p.pad_out_w() || scale_w_ == 2, "pad_out_w goes with a scale of 2 alone; it is {}", scale_w_);
  }

  Contract contract() const override {
    Contract contract = Contract().bottoms(1, 2).no_gradient_to({1});
    return unpools_ ? contract.reads_bottom_data({1}) : contract;
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    check(x.axes() == 4, "the bottom has {} axes (shape {}); Upsample works on 4: N C H W", x.axes(), x.str());
    check(!unpools_ || bottom[1]->shape() == x, "the mask has shape {}, bottom 0 has {}; they must be the same",
          unpools_ ? bottom[1]->shape().str() : "", x.str());
    const bool sized = config_.has_upsample_h();
    const long h = sized ? config_.upsample_h() : full_height(x) - (config_.pad_out_h() && x[2] > 0 ? 1 : 0);
    const long w = sized ? config_.upsample_w() : full_width(x) - (config_.pad_out_w() && x[3] > 0 ? 1 : 0);
    top[0]->reshape({x[0], x[1], h, w});
    channels_ = x[1];
    planes_ = x[0] * x[1];
    if (unpools_) {
      from_ = x[2] * x[3];
      to_ = h * w;
      constexpr long kMaxPlace = 1L << 24;  // up to here a float holds every whole number
      check(to_ <= kMaxPlace, "planes of {} x {} have places that no mask can hold; it holds whole numbers up to {}", h,
            w, kMaxPlace);
      return;
    }
    check(h >= x[2] && w >= x[3], "the top, {}x{}, would be smaller than the bottom, {}x{}", h, w, x[2], x[3]);
    check(x.count() > 0 || top[0]->count() == 0, "the bottom {} has no element to fill {}x{} with", x.str(), h, w);
    check(std::max(h, w) <= std::numeric_limits<int32_t>::max(), "a top of {}x{} is too large", h, w);
    // With scale and pad_out, blocks are the same as without pad_out.
    find_blocks(x[2], h, sized ? h : full_height(x), rows_);
    find_blocks(x[3], w, sized ? w : full_width(x), columns_);
    source_.resize(w);
    if (PlannedMemory::on()) return;
    for (long j = 0; j < x[3]; ++j) {
      std::fill(source_.data() + columns_[j], source_.data() + columns_[j + 1], static_cast<int32_t>(j));
    }
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    real* y = top[0]->mutable_data();
    if (unpools_) return unpool(x, bottom[1]->data(), y);
    const long width = bottom[0]->dim(3), out = top[0]->dim(3);
    for_rows(bottom, top, [=, this](long row, long first, long rows) {
      const real* from = x + row * width;
      real* to = y + first * out;
      for (long j = 0; j < out; ++j) to[j] = from[source_[j]];
      for (long k = 1; k < rows; ++k) std::copy_n(to, out, to + k * out);
    });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real* dy = top[0]->diff();
    real* dx = bottom[0]->mutable_diff();
    if (unpools_) return pick(dy, bottom[1]->data(), dx);
    const long width = bottom[0]->dim(3), out = top[0]->dim(3);
    for_rows(bottom, top, [=, this](long row, long first, long rows) {
      real* to = dx + row * width;
      std::fill_n(to, width, real{0});
      for (long k = first; k < first + rows; ++k) {
        const real* from = dy + k * out;
        for (long j = 0; j < width; ++j) {
          real sum = 0;
          for (long i = columns_[j]; i < columns_[j + 1]; ++i) sum += from[i];
          to[j] += sum;
        }
      }
    });
  }

 private:
  // Sets where the block of each of `in` elements begins, ceil(k full / in), but at most `out`; and the end of the last
  // one.
  static void find_blocks(long in, long out, long full, BufferOf<long>& begins) {
    begins.resize(in + 1);
    if (PlannedMemory::on()) return;
    for (long k = 0; k < in; ++k) begins[k] = std::min(out, (k * full + in - 1) / in);
    begins[in] = out;
  }

  // The sizes before pad_out.
  long full_height(const Shape& x) const { return size_product(x[2], scale_h_, "the top's height"); }
  long full_width(const Shape& x) const { return size_product(x[3], scale_w_, "the top's width"); }

  // Calls body(row of the bottom, first row of its copies in the top, number of copies) for all rows of all planes.
  template <typename Body>
  void for_rows(const Bottoms& bottom, const Tops& top, const Body& body) const {
    const long height = bottom[0]->dim(2), out = top[0]->dim(2), cost = height > 0 ? out / height * top[0]->dim(3) : 0;
    parallel_for(planes_ * height, cost, [&](long begin, long end) {
      for (long row = begin; row < end; ++row) {
        const long plane = row / height, i = row % height;
        body(row, plane * out + rows_[i], rows_[i + 1] - rows_[i]);
      }
    });
  }

  void unpool(const real* x, const real* mask, real* y) const {
    parallel_for(planes_, from_ + to_, [&](long begin, long end) {
      for (long plane = begin; plane < end; ++plane) {
        real* to = y + plane * to_;
        std::fill_n(to, to_, real{0});
        for (long i = plane * from_; i < (plane + 1) * from_; ++i) {
          const bool inside = mask[i] >= 0 && mask[i] < static_cast<real>(to_);  // this form also refuses NaN
          const long at = inside ? static_cast<long>(mask[i]) : 0;
          check(inside && static_cast<real>(at) == mask[i],
                "record {}, channel {}: the mask is {}; expected a whole number from 0 to {}", plane / channels_,
                plane % channels_, mask[i], to_ - 1);
          to[at] = x[i];
        }
      }
    });
  }

  void pick(const real* dy, const real* mask, real* dx) const {
    parallel_for(planes_, from_, [&](long begin, long end) {
      for (long plane = begin; plane < end; ++plane) {
        const real* from = dy + plane * to_;
        for (long i = plane * from_; i < (plane + 1) * from_; ++i) dx[i] = from[static_cast<long>(mask[i])];
      }
    });
  }

  bool unpools_;
  UpsampleParameter config_;
  long scale_h_ = 0, scale_w_ = 0;
  long channels_ = 0, planes_ = 0;
  long from_ = 0, to_ = 0;         // unpooling: elements of a plane of x and of y
  BufferOf<long> rows_, columns_;  // the positions in the top at which each row and column of the bottom begins, and
                                   // the end
  BufferOf<int32_t> source_;       // the bottom's column for each of the top's
};

const RegisterLayer<Upsample> registered("Upsample", "upsample_param");

}  // namespace
}  // namespace crema

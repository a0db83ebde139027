// Slice:  the tops are x, cut along `axis` before each slice_point, or into equal parts where there is none.
// bottom[0] x: any shape with the axis.  top[k]: its part of x.  No parameters.  slice_dim is the old name of axis, and
// cannot be negative.  Rejects another number of slice_points than one fewer than tops, parts without an element, and
// a size that the number of tops does not divide.
#include <algorithm>

#include "core/layer.h"
#include "math/move.h"

namespace crema {
namespace {

class Slice final : public Layer {
 public:
  explicit Slice(const LayerParameter& config) : config_(config.slice_param()) {
    check(!config_.has_axis() || !config_.has_slice_dim(), "axis and slice_dim are both given; they mean the same");
  }

  Contract contract() const override { return Contract().tops(1, Contract::kAny); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    const int axis = axis_of(shape);
    const std::vector<long> ends = ends_of_parts(shape[axis], static_cast<long>(top.size()));
    const Layout layout = layout_for(*bottom[0], axis, ends);
    takes(0, layout);
    rows_ = pieces_along(shape, layout, axis);
    length_ = rows_ == 0 ? 0 : storage_count(shape, layout) / rows_;
    lengths_.clear();
    std::vector<long> dims = shape.dims();
    long begin = 0;
    for (size_t k = 0; k < top.size(); ++k) {
      dims[axis] = ends[k] - begin;
      begin = ends[k];
      top[k]->reshape(Shape(dims), layout);
      lengths_.push_back(rows_ == 0 ? 0 : top[k]->storage() / rows_);
    }
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    for (size_t k = 0; k < top.size(); ++k) {
      copy_pieces(rows_, lengths_[k], x, length_, top[k]->mutable_data(), lengths_[k]);
      x += lengths_[k];
    }
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    real* dx = bottom[0]->mutable_diff();
    for (size_t k = 0; k < top.size(); ++k) {
      copy_pieces(rows_, lengths_[k], top[k]->diff(), lengths_[k], dx, length_);
      dx += lengths_[k];
    }
  }

 private:
  // The bottom's layout, unless channels are cut within a block.
  static Layout layout_for(const Blob& x, int axis, const std::vector<long>& ends) {
    const long block = block_size(x.layout());
    const bool whole = std::all_of(ends.begin(), ends.end() - 1, [=](long end) { return end % block == 0; });
    return axis != 1 || whole ? x.layout() : Layout::plain;
  }

  int axis_of(const Shape& shape) const {
    if (!config_.has_slice_dim()) return shape.canonical(config_.axis());
    check(config_.slice_dim() < static_cast<uint32_t>(shape.axes()),
          "slice_dim {} is out of range for the {}-axis shape {}", config_.slice_dim(), shape.axes(), shape.str());
    return static_cast<int>(config_.slice_dim());
  }

  std::vector<long> ends_of_parts(long size, long parts) const {
    std::vector<long> ends(config_.slice_point().begin(), config_.slice_point().end());
    if (ends.empty()) {
      check(size % parts == 0, "size {} along the axis is not divisible by {} tops; give slice_point", size, parts);
      for (long k = 1; k <= parts; ++k) ends.push_back(size / parts * k);
      return ends;
    }
    check(static_cast<long>(ends.size()) == parts - 1, "{} slice_point for {} tops; expected {}", ends.size(), parts,
          parts - 1);
    ends.push_back(size);
    long begin = 0;
    for (const long end : ends) {
      check(end > begin, "slice_point {} must rise from 1 to below the size along the axis, {}",
            fmt::join(config_.slice_point(), " "), size);
      begin = end;
    }
    return ends;
  }

  SliceParameter config_;
  long rows_ = 0, length_ = 0;  // x is rows_ pieces of length_ elements; each piece has lengths_[k] elements of top k
  std::vector<long> lengths_;
};

const RegisterLayer<Slice> registered("Slice", "slice_param");

}  // namespace
}  // namespace crema

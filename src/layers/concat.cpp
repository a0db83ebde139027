// Concat:  y = the bottoms, one after the other along `axis`.
// bottom[k] x_k: one or more shapes that agree on all other axes.  top[0] y: their sizes add up along axis.
// No parameters.  concat_dim is the old name of axis, and cannot be negative.
#include "core/layer.h"
#include "math/checked_engine.h"
#include "math/move.h"

namespace crema {
namespace {

class Concat final : public Layer {
 public:
  explicit Concat(const LayerParameter& config) : config_(config.concat_param()) {
    check(!config_.has_axis() || !config_.has_concat_dim(), "axis and concat_dim are both given; they mean the same");
  }

  Contract contract() const override { return Contract().bottoms(1, Contract::kAny); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& first = bottom[0]->shape();
    const int axis = axis_of(first);
    std::vector<long> dims = first.dims();
    for (size_t k = 1; k < bottom.size(); ++k) {
      std::vector<long> other = bottom[k]->shape().dims();
      if (other.size() == dims.size()) other[axis] = first[axis];
      check(other == first.dims(), "bottom {} has shape {}, bottom 0 has {}; they may differ along axis {} alone", k,
            bottom[k]->shape().str(), first.str(), axis);
      dims[axis] += bottom[k]->dim(axis);
    }
    const Layout layout = common_layout(bottom, axis);
    top[0]->reshape(Shape(dims), layout);
    std::vector<long> lengths;
    const long rows = pieces_along(top[0]->shape(), layout, axis);
    for (size_t k = 0; k < bottom.size(); ++k) {
      takes(static_cast<int>(k), layout);
      lengths.push_back(rows == 0 ? 0 : storage_count(bottom[k]->shape(), layout) / rows);
    }
    prepare(rows, lengths);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    for (size_t k = 0; k < bottom.size(); ++k) x_[k] = bottom[k]->data();
    real* y = top[0]->mutable_data();
    if (engine_) return engine_->run(x_, y);
    for (size_t k = 0; k < bottom.size(); ++k) {
      copy_pieces(rows_, lengths_[k], x_[k], lengths_[k], y, length_);
      y += lengths_[k];
    }
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real* dy = top[0]->diff();
    for (size_t k = 0; k < bottom.size(); ++k) {
      if (down[k]) copy_pieces(rows_, lengths_[k], dy, length_, bottom[k]->mutable_diff(), lengths_[k]);
      dy += lengths_[k];
    }
  }

  std::string implementation() const override { return engine_ ? engine_->implementation() : "plain"; }

 private:
  int axis_of(const Shape& shape) const {
    if (!config_.has_concat_dim()) return shape.canonical(config_.axis());
    check(config_.concat_dim() < static_cast<uint32_t>(shape.axes()),
          "concat_dim {} is out of range for the {}-axis shape {}", config_.concat_dim(), shape.axes(), shape.str());
    return static_cast<int>(config_.concat_dim());
  }

  // The first bottom's layout; but plain if channels are joined and a bottom other than the last does not fill its last
  // block.
  static Layout common_layout(const Bottoms& bottom, int axis) {
    const Layout layout = bottom[0]->layout();
    for (size_t k = 0; axis == 1 && k + 1 < bottom.size(); ++k) {
      if (bottom[k]->dim(1) % block_size(layout) != 0) return Layout::plain;
    }
    return layout;
  }

  void prepare(long rows, const std::vector<long>& lengths) {
    if (rows == rows_ && lengths == lengths_) return;
    rows_ = -1;
    lengths_ = lengths;
    length_ = 0;
    for (const long length : lengths) length_ += length;
    x_.assign(lengths.size(), nullptr);
    engine_ = use_engine() ? checked_concat(rows, lengths) : nullptr;
    rows_ = rows;
  }

  ConcatParameter config_;
  long rows_ = -1;  // the top's memory is rows_ pieces; each has lengths_[k] elements of bottom k,
  std::vector<long> lengths_;
  long length_ = 0;  // and length_ elements in total
  std::vector<const real*> x_;
  std::unique_ptr<EngineCombine> engine_;
};

const RegisterLayer<Concat> registered("Concat", "concat_param");

}  // namespace
}  // namespace crema

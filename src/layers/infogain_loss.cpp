// InfogainLoss:  loss = -1/m sum over places of sum_c H[label, c] ln p_c,  p = max(softmax(x), 1e-20).
// bottom[0] x: scores (N, C, ...), C classes on axis.  bottom[1]: labels, one for each place (N, ...).
// bottom[2]: H, C x C weights, which take no gradient; or else source: a file with them, a BlobProto (.binaryproto).
// top[0]: the loss, a scalar.  top[1], optional: p, the shape of x; a gradient at it goes no further.
// m: by normalization.  Rejects labels that are not whole numbers in [0, C), unless they equal ignore_label; H of
// another size, or given twice.
#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "core/labels.h"
#include "core/layer.h"
#include "data/blob_values.h"
#include "math/place_tiles.h"
#include "math/softmax.h"

namespace crema {
namespace {

constexpr real kSmallest = static_cast<real>(1e-20);

class InfogainLoss final : public Layer {
 public:
  explicit InfogainLoss(const LayerParameter& config)
      : source_(config.infogain_loss_param().source()),
        axis_(config.infogain_loss_param().axis()),
        normalization_(config.loss_param()) {
    refuse_wanted_probabilities(config.loss_param());
  }

  // Forward keeps probabilities and classes.
  Contract contract() const override {
    return Contract().bottoms(2, 3).tops(1, 2).is_loss().no_gradient_to({1, 2}).reads_bottom_data({2});
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    const int axis = shape.canonical(axis_, "infogain_loss_param.axis");
    places_.reshape(*bottom[0], axis, *bottom[1]);
    check(source_.empty() == (bottom.size() == 3), "the weights are given {}; they come from one of the two",
          source_.empty() ? "neither by source nor as bottom 2" : "by source and as bottom 2");
    if (bottom.size() < 3 && matrix_.empty()) read_matrix();
    const long count = bottom.size() < 3 ? static_cast<long>(matrix_.size()) : bottom[2]->count();
    check(count == shape[axis] * shape[axis], "{} has {} weights; {} classes (axis {} of {}) take {}",
          bottom.size() < 3 ? source_ : "bottom 2", count, shape[axis], axis, shape.str(), shape[axis] * shape[axis]);
    p_.grow(shape.count());
    losses_.grow(places_.count());
    row_sums_.grow(shape[axis]);
    top[0]->reshape({});
    if (top.size() > 1) top[1]->reshape(shape);
  }

  OwnMemory own_memory(bool) const override {
    return {(p_.size() + losses_.size() + row_sums_.size()) * static_cast<long>(sizeof(real)), 0};
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    places_.read(*bottom[1], normalization_.ignored());
    divisor_ = places_.divisor(normalization_);
    softmax(places_.split(), bottom[0]->data(), p_.data());
    const AxisSplit& split = places_.split();
    const long channels = split.channels, inner = split.inner;
    const real *h = weights(bottom), *p = p_.data();
    for_tiles(places_.split(), 10, [&, channels = channels, inner = inner](long place, long base, long width) {
      const int* label = places_.classes() + place;
      double sums[kTile] = {};
      for (long c = 0; c < channels; ++c) {
        for (long k = 0; k < width; ++k) {
          const real weight = label[k] == kIgnoredLabel ? 0 : h[label[k] * channels + c];
          sums[k] -= static_cast<double>(weight * std::log(std::max(p[base + c * inner + k], kSmallest)));
        }
      }
      for (long k = 0; k < width; ++k) losses_[place + k] = static_cast<real>(sums[k]);
    });
    const double loss = parallel_sum(places_.count(), 1, [&](long place) { return losses_[place]; });
    top[0]->mutable_data()[0] = static_cast<real>(loss / divisor_);
    if (top.size() > 1) copy_elements(places_.split().count(), p, top[1]->mutable_data());
  }

  // d loss / dx_c = p_c sum_j H[label, j] - H[label, c].
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const real scale = top[0]->diff()[0] / static_cast<real>(divisor_);
    const AxisSplit& split = places_.split();
    const long channels = split.channels, inner = split.inner;
    const real *h = weights(bottom), *p = p_.data();
    real* dx = bottom[0]->mutable_diff();
    parallel_for(channels, channels, [&, channels = channels](long begin, long end) {
      for (long c = begin; c < end; ++c) {
        row_sums_[c] = static_cast<real>(sum(c * channels, (c + 1) * channels, [h](long i) { return h[i]; }));
      }
    });
    for_tiles(places_.split(), 4, [&, channels = channels, inner = inner](long place, long base, long width) {
      const int* label = places_.classes() + place;
      for (long c = 0; c < channels; ++c) {
        for (long k = 0; k < width; ++k) {
          const long i = base + c * inner + k;
          const bool ignored = label[k] == kIgnoredLabel;
          dx[i] = ignored ? 0 : scale * (p[i] * row_sums_[label[k]] - h[label[k] * channels + c]);
        }
      }
    });
  }

 private:
  const real* weights(const Bottoms& bottom) const { return bottom.size() < 3 ? matrix_.data() : bottom[2]->data(); }

  void read_matrix() {
    const std::string path = find_beside(source_, file(), "infogain matrix");
    BlobProto proto;
    check(proto.ParseFromString(read_file(path)), "infogain matrix {}: is not a BlobProto (.binaryproto)", path);
    matrix_.resize(static_cast<size_t>(value_count(proto)));
    copy_values(proto, matrix_.data());
    check(!matrix_.empty(), "infogain matrix {}: holds no values", path);
  }

  std::string source_;
  int axis_;
  LossNormalization normalization_;
  LabeledPlaces places_;
  std::vector<real> matrix_;  // of the file
  Buffer p_, losses_, row_sums_;
  double divisor_ = 1;
};

const RegisterLayer<InfogainLoss> registered("InfogainLoss", "infogain_loss_param", "loss_param");

}  // namespace
}  // namespace crema

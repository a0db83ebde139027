// ContrastiveLoss:  loss = 1/(2N) sum over pairs of d^2 where they are similar, of max(0, margin - d)^2 where they are
// not;  d = |a - b|.  With legacy_version the latter is max(0, margin - d^2).  Hadsell et al., 2006 (CVPR).
// bottom[0] a, bottom[1] b: N records of C numbers (N, C) or (N, C, 1, 1); both take a gradient.
// bottom[2]: labels, one for each pair: 1 where it is similar, 0 where not.  top[0]: the loss, a scalar.
// As in Caffe, the gradient of d adds 1e-4 to the d that it divides by, and is 0 where a equals b.
// Rejects labels other than 0 and 1.
#include <algorithm>
#include <cmath>

#include "core/labels.h"
#include "core/layer.h"

namespace crema {
namespace {

class ContrastiveLoss final : public Layer {
 public:
  explicit ContrastiveLoss(const LayerParameter& config)
      : margin_(config.contrastive_loss_param().margin()), legacy_(config.contrastive_loss_param().legacy_version()) {}

  Contract contract() const override {
    return Contract().bottoms(3).tops(1).is_loss().no_gradient_to({2}).reads_bottom_data({0, 1});
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    check_same_records(bottom);
    for (int k = 0; k < 2; ++k) {
      const Shape& shape = bottom[k]->shape();
      check(shape.axes() < 2 || shape.count_from(1) == shape[1],
            "bottom {} ({}) must be records of C numbers: N C or N C 1 1", k, shape.str());
    }
    pairs_ = bottom[0]->dim(0);
    channels_ = bottom[0]->shape().count_from(1);
    const Blob& labels = *bottom[2];
    check(labels.axes() > 0 && labels.dim(0) == pairs_ && labels.count() == pairs_,
          "bottom 2 ({}) must have one label for each of the {} records of bottom 0 ({})", labels.shape().str(), pairs_,
          bottom[0]->shape().str());
    similar_.resize(pairs_);
    losses_.grow(pairs_);
    pull_.grow(pairs_);
    top[0]->reshape({});
  }

  OwnMemory own_memory(bool) const override {
    return {(losses_.size() + pull_.size()) * static_cast<long>(sizeof(real)) +
                similar_.size() * static_cast<long>(sizeof(int)),
            0};
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    read_labels(*bottom[2], 2, {}, similar_);
    const real *a = bottom[0]->data(), *b = bottom[1]->data();
    parallel_for(pairs_, 3 * channels_, [&](long begin, long end) {
      for (long n = begin; n < end; ++n) {
        const long first = n * channels_;
        judge(n, sum(first, first + channels_, [=](long i) { return (a[i] - b[i]) * (a[i] - b[i]); }));
      }
    });
    const double loss = parallel_sum(pairs_, 1, [&](long n) { return losses_[n]; });
    top[0]->mutable_data()[0] = static_cast<real>(loss / records_of(*bottom[0]) / 2);
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const real *a = bottom[0]->data(), *b = bottom[1]->data();
    for (size_t k = 0; k < 2; ++k) {
      if (!down[k]) continue;
      const real scale = (k == 0 ? 1 : -1) * top[0]->diff()[0] / static_cast<real>(records_of(*bottom[0]));
      real* d = bottom[k]->mutable_diff();
      parallel_for(pairs_, 2 * channels_, [&](long begin, long end) {
        for (long n = begin; n < end; ++n) {
          const real factor = scale * pull_[n];
          for (long i = n * channels_; i < (n + 1) * channels_; ++i) d[i] = factor * (a[i] - b[i]);
        }
      });
    }
  }

 private:
  // The loss of pair n, without the 1/(2N), and its derivative with respect to d^2, which is multiplied with a - b.
  void judge(long n, double squares) {
    const double distance = std::sqrt(squares), missing = margin_ - (legacy_ ? squares : distance);
    double loss = squares, pull = 1;
    if (similar_[n] == 0) {
      loss = missing <= 0 ? 0 : legacy_ ? missing : missing * missing;
      pull = missing <= 0 ? 0 : legacy_ ? -1 : -missing / (distance + 1e-4);
    }
    losses_[n] = static_cast<real>(loss);
    pull_[n] = static_cast<real>(pull);
  }

  double margin_;
  bool legacy_;
  long pairs_ = 0, channels_ = 0;
  BufferOf<int> similar_;
  Buffer losses_, pull_;
};

const RegisterLayer<ContrastiveLoss> registered("ContrastiveLoss", "contrastive_loss_param");

}  // namespace
}  // namespace crema

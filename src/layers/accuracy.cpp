// Accuracy: the share of labels whose class is among the top_k highest scores; another class with an equal score counts
// as higher.
// bottom[0]: scores (N, C, ...), C classes on accuracy_param.axis.  bottom[1]: labels, one for each place; any shape.
// top[0]: the accuracy, a scalar; 0 if all labels are ignored.  top[1], optional: that of each class (C).  No backward.
// Rejects labels that are not whole numbers in [0, C), unless they equal ignore_label.
#include "core/labels.h"
#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

class Accuracy final : public Layer {
 public:
  explicit Accuracy(const LayerParameter& config)
      : top_k_(config.accuracy_param().top_k()), axis_(config.accuracy_param().axis()) {
    check(top_k_ > 0, "top_k is 0; it must be positive");
    if (config.accuracy_param().has_ignore_label()) ignored_ = config.accuracy_param().ignore_label();
  }

  Contract contract() const override { return Contract().bottoms(2).tops(1, 2).no_backward(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    const int axis = shape.canonical(axis_);
    check_label_count(*bottom[0], axis, *bottom[1]);
    split_ = AxisSplit(shape, axis);
    check(top_k_ <= split_.channels, "top_k is {}, and there are {} classes (axis {} of {})", top_k_, split_.channels,
          axis, shape.str());
    classes_.resize(bottom[1]->count());
    hits_.resize(classes_.size());
    top[0]->reshape({});
    if (top.size() > 1) top[1]->reshape({split_.channels});
    seen_.resize(split_.channels);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const long valid = read_labels(*bottom[1], split_.channels, ignored_, classes_);
    const real* scores = bottom[0]->data();
    parallel_for(hits_.size(), split_.channels, [&](long begin, long end) {
      for (long place = begin; place < end; ++place) hits_[place] = hit(scores, place) ? 1 : 0;
    });
    long right = 0;
    for (const char h : hits_) right += h;
    top[0]->mutable_data()[0] = share(right, valid);
    if (top.size() > 1) count_by_class(top[1]->mutable_data());
  }

  void backward(const Tops&, const PropagateDown&, const Bottoms&) override {}

 private:
  // The number of labels of a class, and the number of hits among them.
  struct Seen {
    long all = 0, right = 0;
  };

  static real share(long right, long all) { return all == 0 ? 0 : static_cast<real>(static_cast<double>(right) / all); }

  bool hit(const real* scores, long place) const {
    const int label = classes_[place];
    if (label == kIgnoredLabel) return false;
    const long inner = split_.inner;
    const real* score = scores + place / inner * split_.channels * inner + place % inner;
    const real own = score[label * inner];
    long higher = -1;  // the label's own class is counted below
    // Not `score >= own`: a NaN score must not count as a hit.
    for (long c = 0; c < split_.channels; ++c) higher += score[c * inner] < own ? 0 : 1;
    return higher < top_k_;
  }

  void count_by_class(real* accuracy) {
    seen_.fill({});
    for (long place = 0; place < hits_.size(); ++place) {
      if (classes_[place] == kIgnoredLabel) continue;
      Seen& seen = seen_[classes_[place]];
      ++seen.all;
      seen.right += hits_[place];
    }
    for (long c = 0; c < seen_.size(); ++c) accuracy[c] = share(seen_[c].right, seen_[c].all);
  }

  long top_k_;
  int axis_;
  std::optional<int> ignored_;
  AxisSplit split_;
  BufferOf<int> classes_;
  BufferOf<char> hits_;
  BufferOf<Seen> seen_;  // per class
};

const RegisterLayer<Accuracy> registered("Accuracy", "accuracy_param");

}  // namespace
}  // namespace crema

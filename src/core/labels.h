// Labels as a net carries them: class indices, stored as real numbers.
#pragma once

#include <optional>

#include "core/loss.h"
#include "math/loops.h"

namespace crema {

inline constexpr int kIgnoredLabel = -1;

// Turns the labels into class indices, and those that equal `ignored` into kIgnoredLabel. `classes` has room for
// labels.count() numbers. Returns how many are not ignored. Throws Error for a label that is not a whole number in
// [0, class_count), with the index of its record in the batch.
long read_labels(const Blob& labels, long class_count, std::optional<int> ignored, BufferOf<int>& classes);

// Throws Error unless there is one label for each of scores.count() / scores.dim(axis) places, and the classes can be
// counted.
void check_label_count(const Blob& scores, int axis, const Blob& labels);

// The same, and as many records of labels as of scores.
void check_labels(const Blob& scores, int axis, const Blob& labels);

// Throws Error for a number that is negative or not finite, with the index of its record in the batch.
void check_probabilities(const Blob& wanted);

// The places of scores, outer x classes x inner, with a label for each.
class LabeledPlaces {
 public:
  // In reshape(): the classes are on `axis`. Throws Error as check_labels() does.
  void reshape(const Blob& scores, int axis, const Blob& labels);
  // The same where a record is one place, and each of its numbers the score of a class.
  void reshape_records(const Blob& scores, const Blob& labels);
  // The same where there are no labels.
  void reshape(const AxisSplit& split);

  // In forward(): see read_labels(). The classes are kept here, so the memory of `labels` may be reused afterwards.
  void read(const Blob& labels, std::optional<int> ignored = {}) {
    valid_ = read_labels(labels, split_.channels, ignored, classes_);
  }

  const AxisSplit& split() const { return split_; }
  long count() const { return split_.outer * split_.inner; }
  // The class of each place; kIgnoredLabel if its label is ignored.
  const int* classes() const { return classes_.data(); }
  // The element of class c at a place.
  long at(long place, long c) const {
    return (place / split_.inner * split_.channels + c) * split_.inner + place % split_.inner;
  }
  // The element of the place's label; -1 if it is ignored.
  long labeled(long place) const {
    const int label = classes_[place];
    return label == kIgnoredLabel ? -1 : at(place, label);
  }
  double divisor(const LossNormalization& normalization) const {
    return normalization.divisor(split_.outer, count(), valid_);
  }

 private:
  AxisSplit split_;
  BufferOf<int> classes_;
  long valid_ = 0;
};

}  // namespace crema

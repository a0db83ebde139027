#include "core/labels.h"

#include <atomic>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/parallel.h"

namespace crema {
namespace {

[[noreturn]] void refuse(const Blob& labels, long i, long class_count) {
  const long places = labels.axes() > 0 ? labels.shape().count_from(1) : 1;
  const std::string place = places > 1 ? fmt::format(", place {}", i % places) : "";
  throw Error("label {} of record {}{} is not one of the {} classes (whole numbers 0 to {})", labels.data()[i],
              i / places, place, class_count, class_count - 1);
}

void check_class_count(long classes) {
  constexpr long kMost = std::numeric_limits<int>::max();
  check(classes <= kMost, "{} classes are too many for labels, which count up to {}", classes, kMost);
}

}  // namespace

long read_labels(const Blob& labels, long class_count, std::optional<int> ignored, BufferOf<int>& classes) {
  const real* label = labels.data();
  std::atomic<long> valid = 0;
  parallel_for(labels.count(), 4, [&](long begin, long end) {
    long in_range = 0;
    for (long i = begin; i < end; ++i) {
      const bool ignore = ignored && label[i] == static_cast<real>(*ignored);
      const bool right = label[i] >= 0 && label[i] < static_cast<real>(class_count) && label[i] == std::floor(label[i]);
      if (!ignore && !right) refuse(labels, i, class_count);
      classes[i] = ignore ? kIgnoredLabel : static_cast<int>(label[i]);
      in_range += ignore ? 0 : 1;
    }
    valid += in_range;
  });
  return valid;
}

void check_label_count(const Blob& scores, int axis, const Blob& labels) {
  const long places = scores.shape().count(0, axis) * scores.shape().count_from(axis + 1);
  check(labels.count() == places, "bottom 1 ({}) has {} labels; bottom 0 ({}) with its classes on axis {} takes {}",
        labels.shape().str(), labels.count(), scores.shape().str(), axis, places);
  check_class_count(scores.dim(axis));
}

void check_labels(const Blob& scores, int axis, const Blob& labels) {
  check_label_count(scores, axis, labels);
  check(axis == 0 || (labels.axes() > 0 && labels.dim(0) == scores.dim(0)),
        "bottom 1 ({}) must have as many records (axis 0) as bottom 0 ({})", labels.shape().str(),
        scores.shape().str());
}

void check_probabilities(const Blob& wanted) {
  const real* t = wanted.data();
  const auto wrong = [t](long i) { return !(t[i] >= 0 && t[i] <= std::numeric_limits<real>::max()); };
  const long places = wanted.axes() > 0 ? wanted.shape().count_from(1) : 1;
  parallel_for(wanted.count(), 1, [&](long begin, long end) {
    bool any = false;
    for (long i = begin; i < end; ++i) any |= wrong(i);
    for (long i = begin; any && i < end; ++i) {
      check(!wrong(i), "bottom 1 wants {} of record {}, element {}; a probability is finite and not negative", t[i],
            i / places, i % places);
    }
  });
}

void LabeledPlaces::reshape(const Blob& scores, int axis, const Blob& labels) {
  check_labels(scores, axis, labels);
  reshape(AxisSplit(scores.shape(), axis));
  classes_.resize(count());
}

void LabeledPlaces::reshape_records(const Blob& scores, const Blob& labels) {
  check(scores.axes() > 0, "bottom 0 is a scalar; it must have the records on axis 0");
  check(labels.axes() > 0 && labels.count() == scores.dim(0) && labels.dim(0) == scores.dim(0),
        "bottom 1 ({}) must have one label for each of the {} records of bottom 0 ({})", labels.shape().str(),
        scores.dim(0), scores.shape().str());
  check_class_count(scores.shape().count_from(1));
  reshape(AxisSplit(scores.shape(), 1, scores.axes() - 1));
  classes_.resize(count());
}

void LabeledPlaces::reshape(const AxisSplit& split) {
  split_ = split;
  valid_ = count();
}

}  // namespace crema

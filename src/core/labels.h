// Labels as a net carries them: class indices, stored as real numbers.
#pragma once

#include <optional>
#include <vector>

#include "core/blob.h"

namespace crema {

inline constexpr int kIgnoredLabel = -1;

// Turns the labels into class indices, and those that equal `ignored` into kIgnoredLabel. `classes` has room for
// labels.count() numbers. Returns how many are not ignored. Throws Error for a label that is not a whole number in
// [0, class_count), with the index of its record in the batch.
long read_labels(const Blob& labels, long class_count, std::optional<int> ignored, std::vector<int>& classes);

// Throws Error unless there is one label for each of scores.count() / scores.dim(axis) places, and as many records of
// labels as of scores.
void check_labels(const Blob& scores, int axis, const Blob& labels);

}  // namespace crema

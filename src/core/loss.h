// What losses have in common: the number that a sum over places is divided by, and checks.
#pragma once

#include <optional>
#include <vector>

#include "core/blob.h"
#include "crema.pb.h"

namespace crema {

// What loss_param says: which label to pass over, and what the summed loss is divided by.
class LossNormalization {
 public:
  // `mode`: the layer type's default, if the file sets no mode.
  explicit LossNormalization(const LossParameter& config, LossParameter::NormalizationMode mode = LossParameter::VALID);

  std::optional<int> ignored() const { return ignored_; }
  // At least 1, since all labels may be ignored.
  double divisor(long records, long labels, long valid) const;

 private:
  LossParameter::NormalizationMode mode_;
  std::optional<int> ignored_;
};

// Throws Error for fields of loss_param that only SoftmaxWithLoss has.
void refuse_wanted_probabilities(const LossParameter& config);

// Throws Error unless bottom `index` has as many records (axis 0) as bottom 0, of the same size.
void check_same_records(const std::vector<Blob*>& bottom, size_t index = 1);

// The records of a blob, for the mean over them: 1 if there are none.
double records_of(const Blob& blob);

}  // namespace crema

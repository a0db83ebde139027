#include "core/loss.h"

#include <algorithm>

#include "base/error.h"

namespace crema {

LossNormalization::LossNormalization(const LossParameter& config, LossParameter::NormalizationMode mode) : mode_(mode) {
  if (config.has_ignore_label()) ignored_ = config.ignore_label();
  if (config.has_normalization()) {
    mode_ = config.normalization();
  } else if (config.has_normalize()) {
    mode_ = config.normalize() ? LossParameter::VALID : LossParameter::BATCH_SIZE;
  }
}

double LossNormalization::divisor(long records, long labels, long valid) const {
  long m = 1;
  if (mode_ == LossParameter::FULL) m = labels;
  if (mode_ == LossParameter::VALID) m = valid;
  if (mode_ == LossParameter::BATCH_SIZE) m = records;
  return static_cast<double>(std::max(m, 1L));
}

void refuse_wanted_probabilities(const LossParameter& config) {
  check(!config.has_label_smoothing(), "loss_param.label_smoothing is for SoftmaxWithLoss alone");
  check(!config.has_soft_labels(), "loss_param.soft_labels is for SoftmaxWithLoss alone");
}

void check_same_records(const std::vector<Blob*>& bottom, size_t index) {
  const Shape &first = bottom[0]->shape(), &other = bottom[index]->shape();
  check(first.axes() > 0 && other.axes() > 0 && first[0] == other[0] && first.count_from(1) == other.count_from(1),
        "bottoms 0 and {} must have as many records of the same size; they are {} and {}", index, first.str(),
        other.str());
}

double records_of(const Blob& blob) { return static_cast<double>(std::max(1L, blob.dim(0))); }

}  // namespace crema

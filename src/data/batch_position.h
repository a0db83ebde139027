// How far a layer that reads data has come.
#pragma once

#include <cstdint>

namespace crema {

// Counts records consumed by forward passes (not those that were only read ahead). A repeated pass gets the batch of
// the pass before, and the position does not move.
class BatchPosition {
 public:
  explicit BatchPosition(uint64_t batch_size) : batch_size_(batch_size) {}

  // Where this pass's batch begins.
  uint64_t begin(bool replay) const { return replay ? last_ : consumed_; }
  // To be called when the pass has got its batch.
  void advance(bool replay) {
    if (replay) return;
    last_ = consumed_;
    consumed_ += batch_size_;
  }

  uint64_t consumed() const { return consumed_; }
  void restore(uint64_t consumed) {
    consumed_ = consumed;
    last_ = consumed < batch_size_ ? 0 : consumed - batch_size_;
  }

 private:
  uint64_t batch_size_;
  uint64_t consumed_ = 0;
  uint64_t last_ = 0;  // where the last batch began
};

}  // namespace crema

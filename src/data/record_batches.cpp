#include "data/record_batches.h"

#include <algorithm>

#include "base/error.h"

namespace crema {
namespace {

uint64_t used(uint64_t records, uint64_t first) { return first > 0 ? std::min(first, records) : records; }

}  // namespace

RecordBatches::RecordBatches(std::unique_ptr<RecordSource> source, const TransformationParameter& transform,
                             const Options& options)
    : batch_size_(options.batch_size),
      source_(std::move(source)),
      sampler_(used(source_->size(), options.first_records), options.order),
      transformer_(transform, {options.phase, options.order.seed, options.order.name, options.file}),
      prefetcher_(options.batch_size, options.prefetch,
                  [this](uint64_t position, Batch* batch) { prepare(position, batch); }) {
  source_->read(0, &record_);
  shape_ = transformer_.shape(record_);
  decodes_ = record_.decoded;
}

const Batch& RecordBatches::get(uint64_t position) {
  if (!has_batch_ || position != position_) {
    has_batch_ = false;
    prefetcher_.get(position, &batch_);
    has_batch_ = true;
    position_ = position;
  }
  return batch_;
}

long RecordBatches::memory() const {
  const long batch = static_cast<long>(batch_size_ * sizeof(float)) * (shape_.count() + 1);
  return static_cast<long>(prefetcher_.depth() + 1) * batch;
}

// Runs on the prefetcher's thread. After the constructor, only this thread uses the source, the sampler and record_.
void RecordBatches::prepare(uint64_t position, Batch* batch) {
  const size_t n = batch_size_, count = static_cast<size_t>(shape_.count());
  batch->data.resize(n * count);
  batch->labels.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const uint64_t record = sampler_.record(position + i);
    source_->read(record, &record_);
    check_shape(record);
    transformer_.transform(record_, position + i, batch->data.data() + i * count);
    batch->labels[i] = static_cast<float>(record_.label);
  }
}

void RecordBatches::check_shape(uint64_t record) const {
  try {
    const Shape shape = transformer_.shape(record_);
    check(shape == shape_, "its shape is {}, that of record 0 is {}", shape.str(), shape_.str());
  } catch (const Error& error) {
    throw Error("{}: {}", source_->name(record), error.what());
  }
}

}  // namespace crema

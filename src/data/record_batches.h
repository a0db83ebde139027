// Batches of transformed records without end: what all layers that read records have in common.
#pragma once

#include <memory>
#include <string>

#include "data/prefetcher.h"
#include "data/record_source.h"
#include "data/sampler.h"
#include "data/transformer.h"

namespace crema {

class RecordBatches {
 public:
  struct Options {
    uint32_t batch_size = 1;
    uint32_t prefetch = 0;       // batches read ahead
    uint64_t first_records = 0;  // use only this many records, the first ones; 0: all
    Sampler::Options order;      // seed and name are the transformer's keys as well
    Phase phase = TRAIN;
    std::string file;  // text that names the mean file
  };

  // Reads record 0, for the shape. Throws Error if that or the configuration is faulty.
  RecordBatches(std::unique_ptr<RecordSource> source, const TransformationParameter& transform, const Options& options);

  // The shape of each record when transformed.
  const Shape& shape() const { return shape_; }
  // Whether record 0 came from an image file.
  bool decodes() const { return decodes_; }

  // The batch of the records that are consumed after `position` others, valid until the next call. Throws Error with
  // the record's name in front, also for one whose shape is not shape().
  const Batch& get(uint64_t position);

  // Bytes of the batches that are held: the last one, and those read ahead.
  long memory() const;

 private:
  void prepare(uint64_t position, Batch* batch);
  void check_shape(uint64_t record) const;

  const uint32_t batch_size_;
  std::unique_ptr<RecordSource> source_;
  Sampler sampler_;
  Transformer transformer_;
  Record record_;
  Shape shape_;
  bool decodes_ = false;

  Batch batch_;  // the last one, for passes that repeat it
  bool has_batch_ = false;
  uint64_t position_ = 0;  // of batch_

  Prefetcher prefetcher_;  // declared last: its thread must end before the members that it uses
};

}  // namespace crema

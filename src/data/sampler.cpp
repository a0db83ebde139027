#include "data/sampler.h"

#include "base/error.h"
#include "base/random.h"

namespace crema {

Sampler::Sampler(uint64_t records, const Options& options) : records_(records), options_(options) {
  check(records > 0, "there are no records");
  check(!options.shuffle || records < uint64_t{1} << 32, "{} records are too many to shuffle", records);
  const Random random(options.seed, "rand_skip", options.name);
  skip_ = static_cast<uint64_t>(random.uniform(0) * options.rand_skip);
}

uint64_t Sampler::record(uint64_t position) {
  const uint64_t epoch = (position + skip_) / records_, place = (position + skip_) % records_;
  if (!options_.shuffle) return place;
  if (order_.empty() || epoch != epoch_) {
    order_ = Random(options_.seed, "shuffle", options_.name, epoch).permutation(static_cast<uint32_t>(records_));
    epoch_ = epoch;
  }
  return order_[place];
}

}  // namespace crema

// Which record is read when.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crema {

// A pure function: from the number of records consumed before (over all epochs), the seed and the layer's name, it
// gives the next record's number. So a run resumes from the number of consumed records alone. Records come in order, or
// in a new order in every epoch; after the last one the next epoch begins.
class Sampler {
 public:
  struct Options {
    uint64_t seed = 0;
    std::string name;  // the layer's: part of the key
    bool shuffle = false;
    uint32_t rand_skip = 0;  // skip 0 .. rand_skip-1 records at the very beginning; the key decides how many
  };

  // Throws Error for no records, and where shuffled for 2^32 or more.
  Sampler(uint64_t records, const Options& options);

  // The record that is consumed after `position` others. Keeps the current epoch's order: not for several threads at
  // once.
  uint64_t record(uint64_t position);

 private:
  uint64_t records_;
  Options options_;
  uint64_t skip_ = 0;
  uint64_t epoch_ = 0;
  std::vector<uint32_t> order_;  // of epoch_; empty until the first shuffled record is asked for
};

}  // namespace crema

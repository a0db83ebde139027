// The rows of several HDF5 files as one sequence without end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/hdf5_file.h"
#include "data/used_files.h"

namespace crema {

// A row is one index of the first axis, across several data sets of a file. Files follow each other in the order of
// their list, then the first comes again; shuffled, the files and the rows of each come in a new order in every epoch.
// Which row is read after `position` others is a function of the seed and the layer's name alone. One file is in memory
// at a time.
class Hdf5Rows {
 public:
  struct Options {
    std::string list;                // a text file that names HDF5 files, one a line
    std::vector<std::string> names;  // of the data sets
    bool shuffle = false;
    uint64_t seed = 0;
    std::string layer;
  };

  // Looks at every file. Throws Error if one is missing or no HDF5 file, lacks a data set, holds data sets of different
  // numbers of rows, or rows of another shape than the first file; and if there are no rows at all.
  explicit Hdf5Rows(const Options& options);

  uint64_t size() const { return starts_.back(); }                              // rows of all files
  const std::vector<long>& row_dims(size_t name) const { return dims_[name]; }  // without the first axis
  long row_count(size_t name) const { return counts_[name]; }                   // elements of a row

  // Makes the row that is read after `position` others the current one.
  void seek(uint64_t position);
  // Its elements in data set `name`, valid until the next seek().
  const float* row(size_t name) const { return values_[name].data() + row_ * static_cast<uint64_t>(counts_[name]); }

 private:
  static constexpr uint64_t kNone = ~uint64_t{0};
  void look_at(const std::string& path);
  uint64_t rows_in(const std::vector<Shape>& shapes, const std::string& path);
  void begin_epoch(uint64_t epoch);
  void load(size_t place);

  Options options_;
  std::vector<std::string> paths_;
  std::vector<FileUse> uses_;
  std::vector<uint64_t> rows_;           // per file
  std::vector<std::vector<long>> dims_;  // per data set
  std::vector<long> counts_;

  uint64_t epoch_ = kNone;
  std::vector<uint32_t> files_;             // in the epoch's order
  std::vector<uint64_t> starts_;            // rows before each of them, and all rows
  uint64_t loaded_ = kNone;                 // file in memory
  uint64_t order_of_ = kNone;               // epoch * files + place: what row_order_ belongs to
  std::vector<uint32_t> row_order_;         // empty where not shuffled
  std::vector<std::vector<float>> values_;  // per data set
  uint64_t row_ = 0;                        // of the file in memory
};

}  // namespace crema

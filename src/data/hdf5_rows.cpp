#include "data/hdf5_rows.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "data/list_lines.h"

namespace crema {
namespace {

std::vector<std::string> listed_files(const std::string& list) {
  const std::string text = read_list(list);
  std::vector<std::string> paths;
  for (const ListLine& line : list_lines(text)) {
    paths.push_back(find_beside(std::string(line.text), list, "HDF5 file"));
  }
  check(!paths.empty(), "{}: names no HDF5 file", list);
  return paths;
}

// Without the axes of length 1 at the end: rows of (m) and of (m, 1) hold the same.
std::vector<long> without_ones(std::vector<long> dims) {
  while (!dims.empty() && dims.back() == 1) dims.pop_back();
  return dims;
}

}  // namespace

Hdf5Rows::Hdf5Rows(const Options& options)
    : options_(options), paths_(listed_files(options.list)), values_(options.names.size()) {
  for (const std::string& path : paths_) {
    uses_.push_back(use_for_reading(path, options.layer));
    look_at(path);
  }
  begin_epoch(0);
  check(size() > 0, "{}: the files that it names hold no rows", options.list);
}

uint64_t Hdf5Rows::rows_in(const std::vector<Shape>& shapes, const std::string& path) {
  const auto& names = options_.names;
  const long rows = shapes[0][0];
  for (size_t i = 0; i < names.size(); ++i) {
    const Shape& shape = shapes[i];
    check(shape[0] == rows, "{}: \"{}\" has {} rows and \"{}\" has {}", path, names[0], rows, names[i], shape[0]);
    const std::vector<long> dims(shape.dims().begin() + 1, shape.dims().end());
    if (dims_.size() == i) dims_.push_back(dims);
    check(without_ones(dims) == without_ones(dims_[i]), "{}: rows of \"{}\" are of shape {}, and in {} of shape {}",
          path, names[i], Shape(dims).str(), paths_[0], Shape(dims_[i]).str());
    check(Shape(dims).count() > 0, "{}: rows of \"{}\" are empty: {}", path, names[i], shape.str());
  }
  return static_cast<uint64_t>(rows);
}

void Hdf5Rows::look_at(const std::string& path) {
  rows_.push_back(rows_in(Hdf5File(path).shapes(options_.names), path));
  if (!counts_.empty()) return;
  for (const auto& dims : dims_) counts_.push_back(Shape(dims).count());
}

void Hdf5Rows::begin_epoch(uint64_t epoch) {
  const auto files = static_cast<uint32_t>(paths_.size());
  if (options_.shuffle) {
    files_ = Random(options_.seed, "shuffle", options_.layer, epoch).permutation(files);
  } else {
    files_.resize(files);
    std::iota(files_.begin(), files_.end(), 0u);
  }
  starts_.assign(1, 0);
  for (const uint32_t file : files_) starts_.push_back(starts_.back() + rows_[file]);
  epoch_ = epoch;
}

void Hdf5Rows::seek(uint64_t position) {
  const uint64_t epoch = position / size(), offset = position % size();
  if (epoch != epoch_) begin_epoch(epoch);
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
  const auto place = static_cast<size_t>(next - starts_.begin()) - 1;
  load(place);
  row_ = offset - starts_[place];
  if (options_.shuffle) row_ = row_order_[row_];
}

void Hdf5Rows::load(size_t place) {
  const uint32_t file = files_[place];
  if (loaded_ != file) {
    loaded_ = kNone;
    for (auto& values : values_) std::vector<float>().swap(values);  // frees the old file before the new one is read
    std::vector<Hdf5Array> arrays = Hdf5File(paths_[file]).read(options_.names);
    std::vector<Shape> shapes;
    for (const Hdf5Array& array : arrays) shapes.push_back(array.shape);
    check(rows_in(shapes, paths_[file]) == rows_[file], "{}: was changed while it was in use", paths_[file]);
    for (size_t i = 0; i < values_.size(); ++i) values_[i] = std::move(arrays[i].values);
    loaded_ = file;
  }
  const uint64_t key = epoch_ * paths_.size() + place;
  if (!options_.shuffle || order_of_ == key) return;
  const Random random(options_.seed, "shuffle rows", options_.layer, key);
  row_order_ = random.permutation(static_cast<uint32_t>(rows_[file]));
  order_of_ = key;
}

}  // namespace crema

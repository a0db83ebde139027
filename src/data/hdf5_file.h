// Arrays of numbers in HDF5 files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "math/shape.h"

namespace crema {

struct Hdf5Array {
  std::string name;
  Shape shape;
  std::vector<float> values;
};

// A file to read. Every fault is an Error that names the file.
//
// The HDF5 library crashes on some damaged files, and believes the sizes that a file claims. So each call below reads
// in a process of its own (base/child.h), with bounds on its memory and time. That costs ten milliseconds a call, and
// copying what is read once.
class Hdf5File {
 public:
  static constexpr long kMaxCount = long{1} << 31;              // elements of a data set
  static constexpr uint64_t kMaxUnwritten = uint64_t{1} << 24;  // of these, elements that its bytes in the file cannot
                                                                // hold

  explicit Hdf5File(const std::string& path);

  // The shapes of data sets ("data", "group/data"). Throws Error if there is none of that name (and lists what is
  // there), if it does not hold integers or floating-point numbers, has no axes, is stored in other files, announces
  // more than kMaxCount elements, or announces more than kMaxUnwritten elements that have no bytes in the file.
  // Elements that were never written have the set's fill value.
  std::vector<Shape> shapes(const std::vector<std::string>& names) const;

  // Their elements, too, in row-major order, converted to float. Throws as shapes(), and if the data is damaged.
  std::vector<Hdf5Array> read(const std::vector<std::string>& names) const;

 private:
  std::vector<Hdf5Array> ask(const std::vector<std::string>& names, bool with_numbers) const;

  std::string path_;
};

// A file that holds these arrays as data sets of floats in its root. Throws Error if the library cannot make it.
std::string hdf5_bytes(const std::vector<Hdf5Array>& arrays);

// Whether a file's bytes were made by hdf5_bytes(): they carry a mark, an attribute of the root.
bool is_hdf5_of_crema(const std::string& path);

}  // namespace crema

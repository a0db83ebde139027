// Arrays of numbers in HDF5 files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "math/shape.h"

namespace crema {

// A file opened for reading. The HDF5 library's own messages on stderr are kept quiet; every fault is an Error that
// names the file.
class Hdf5File {
 public:
  static constexpr long kMaxCount = long{1} << 31;  // elements of a data set

  explicit Hdf5File(const std::string& path);
  ~Hdf5File();
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  // The shape of data set `name` ("data", "group/data"). Throws Error if there is none (and lists what is there), if it
  // does not hold integers or floating-point numbers, has no axes, stands in other files, or announces more than
  // kMaxCount elements or than its bytes in the file can hold.
  Shape shape(const std::string& name) const;

  // Its elements in row-major order, converted to float. Throws as shape(), and if the data is damaged.
  std::vector<float> read(const std::string& name) const;

 private:
  std::string contents() const;

  std::string path_;
  int64_t file_;  // the library's hid_t
};

// A file that holds these arrays as data sets of floats in its root. Throws Error if the library cannot make it.
struct Hdf5Array {
  std::string name;
  Shape shape;
  std::vector<float> values;
};
std::string hdf5_bytes(const std::vector<Hdf5Array>& arrays);

// Whether a file's bytes were made by hdf5_bytes(): they carry a mark, an attribute of the root.
bool is_hdf5_of_crema(const std::string& path);

}  // namespace crema

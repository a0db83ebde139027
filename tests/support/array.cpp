#include "support/array.h"

#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "support/largest_error.h"

namespace crema {
namespace {

// Closes an HDF5 handle at the end of its scope.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t), const std::string& what) : id_(id), close_(close) {
    check(id >= 0, "{} cannot be opened", what);
  }
  ~Handle() { close_(id_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

Array read_data_set(hid_t file, const std::string& name) {
  const Handle set(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose, name);
  const Handle space(H5Dget_space(set), H5Sclose, name);
  std::vector<hsize_t> dims(static_cast<size_t>(H5Sget_simple_extent_ndims(space)));
  H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  Array array{Shape(std::vector<long>(dims.begin(), dims.end())), {}};
  array.values.resize(static_cast<size_t>(array.shape.count()));
  check(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()) >= 0, "{} cannot be read",
        name);
  return array;
}

// For H5Lvisit, which has the same arguments in all versions of HDF5, unlike H5Ovisit.
herr_t note_data_set(hid_t group, const char* name, const H5L_info_t*, void* names) {
  const Handle object(H5Oopen(group, name, H5P_DEFAULT), H5Oclose, name);
  if (H5Iget_type(object) == H5I_DATASET) static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

std::map<std::string, Array> read_hdf5(const std::string& path) {
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, path);
  std::vector<std::string> names;
  check(H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, note_data_set, &names) >= 0, "{} cannot be read", path);
  std::map<std::string, Array> arrays;
  for (const std::string& name : names) arrays[name] = read_data_set(file, name);
  return arrays;
}

void write_hdf5(const std::string& path, const std::map<std::string, Array>& data_sets) {
  const Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose, path);
  for (const auto& [name, array] : data_sets) {
    const std::vector<hsize_t> dims(array.shape.dims().begin(), array.shape.dims().end());
    const Handle space(H5Screate_simple(array.shape.axes(), dims.data(), nullptr), H5Sclose, name);
    const Handle set(H5Dcreate2(file, name.c_str(), H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                     H5Dclose, name);
    check(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()) >= 0,
          "{} cannot be written", name);
  }
}

testing::AssertionResult near(const Array& expected, const Shape& shape, const real* actual, double tolerance) {
  if (!(expected.shape == shape)) {
    return testing::AssertionFailure() << "shape is " << shape.str() << ", expected " << expected.shape.str();
  }
  double magnitude = 0;
  for (const float value : expected.values) magnitude = std::max(magnitude, std::abs(static_cast<double>(value)));
  size_t worst = 0;
  double largest = 0;
  for (size_t i = 0; i < expected.values.size(); ++i) {
    const double off = std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected.values[i]));
    if (off <= largest) continue;
    worst = i;
    largest = off;
    if (std::isnan(off)) break;  // no error can be worse
  }
  if (magnitude > 0) LargestError::note(largest / magnitude);
  if (largest <= tolerance * magnitude) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "element " << worst << " of " << shape.str() << " is " << actual[worst]
                                     << ", expected " << expected.values[worst] << "; off by " << largest / magnitude
                                     << " of the largest magnitude " << magnitude << ", allowed are " << tolerance;
}

testing::AssertionResult same_bits(long count, const real* a, const real* b) {
  for (long i = 0; i < count; ++i) {
    if (std::memcmp(a + i, b + i, sizeof(real)) == 0 || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    return testing::AssertionFailure() << "element " << i << " of " << count << " is " << a[i] << " and " << b[i];
  }
  return testing::AssertionSuccess();
}

}  // namespace crema

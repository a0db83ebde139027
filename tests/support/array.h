// Arrays of float with a shape, as test files hold them, and how they are compared.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "math/real.h"
#include "math/shape.h"

namespace crema {

struct Array {
  Shape shape;
  std::vector<float> values;
};

// All data sets of an HDF5 file by path ("output/y"). Throws Error if it cannot be read.
std::map<std::string, Array> read_hdf5(const std::string& path);

// Writes data sets of an HDF5 file's root. Throws Error.
void write_hdf5(const std::string& path, const std::map<std::string, Array>& data_sets);

// Whether no element is off by more than `tolerance` times the expected array's largest magnitude.
testing::AssertionResult near(const Array& expected, const Shape& shape, const real* actual, double tolerance);

// Whether two arrays hold the same bits (NaN equals NaN).
testing::AssertionResult same_bits(long count, const real* a, const real* b);

}  // namespace crema

// The logical shape of an array, outermost axis first: Caffe's (N, C, H, W) for images. An empty shape is a scalar.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

namespace crema {

class Shape {
 public:
  static constexpr int kMaxAxes = 32;

  Shape() = default;
  Shape(std::initializer_list<long> dims) : Shape(std::vector<long>(dims)) {}
  // Throws Error for a negative dimension, more than kMaxAxes axes, or more elements than memory could ever hold.
  explicit Shape(std::vector<long> dims);

  int axes() const { return static_cast<int>(dims_.size()); }
  long operator[](int axis) const { return dims_[axis]; }
  long count() const { return count_; }
  long count(int begin, int end) const;  // product of the dimensions begin .. end-1; 1 for an empty range
  long count_from(int begin) const { return count(begin, axes()); }

  // `axis` counted from the end where it is negative. Throws Error if there is no such axis; `what` names the field.
  int canonical(int axis, const char* what = "axis") const;

  const std::vector<long>& dims() const { return dims_; }
  bool operator==(const Shape& other) const { return dims_ == other.dims_; }
  std::string str() const;  // "64 1 28 28"; "scalar" for no axes

 private:
  std::vector<long> dims_;
  long count_ = 1;
};

// a * b, both at least 0. Throws Error where that is more elements than memory could ever hold; `what` names it.
long size_product(long a, long b, const char* what);

}  // namespace crema

#include "math/shape.h"

#include "base/error.h"

namespace crema {
namespace {

// 2^44 elements: far more than any machine has memory for, and far from an overflow of sizes and offsets.
constexpr long kMaxCount = 1L << 44;

std::string join(const std::vector<long>& dims) {
  return dims.empty() ? "scalar" : fmt::format("{}", fmt::join(dims, " "));
}

}  // namespace

Shape::Shape(std::vector<long> dims) : dims_(std::move(dims)) {
  check(dims_.size() <= kMaxAxes, "a shape has {} axes; at most {} are possible", dims_.size(), kMaxAxes);
  bool empty = false;
  for (const long d : dims_) {
    check(d >= 0, "shape {} has a negative dimension", join(dims_));
    empty = empty || d == 0;
    check(d == 0 || count_ <= kMaxCount / d, "shape {} has too many elements", join(dims_));
    if (d > 0) count_ *= d;
  }
  if (empty) count_ = 0;
}

long Shape::count(int begin, int end) const {
  long n = 1;
  for (int i = begin; i < end; ++i) n *= (*this)[i];
  return n;
}

int Shape::canonical(int axis, const char* what) const {
  check(axis >= -axes() && axis < axes(), "{} {} is out of range for the {}-axis shape {}", what, axis, axes(), str());
  return axis < 0 ? axis + axes() : axis;
}

std::string Shape::str() const { return join(dims_); }

long size_product(long a, long b, const char* what) {
  check(a == 0 || b <= kMaxCount / a, "{}, {} times {}, is too large; at most {} elements are possible", what, a, b,
        kMaxCount);
  return a * b;
}

}  // namespace crema

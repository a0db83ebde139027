// Engine parts to which an array is a row of numbers, or rows of pieces: what they compute is the same in every layout.
// Each create function returns null where the engine is not compiled in or has no kernel for it.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "math/real.h"

namespace crema {

// Several arrays become one.
class EngineCombine {
 public:
  // y = sum over k of coeff[k] * x[k], all of `count` elements. x[0] and y may be one array.
  static std::unique_ptr<EngineCombine> sum(long count, std::span<const real> coeff);
  // Array k is `rows` pieces of lengths[k] elements; row r of y is row r of each x[k], in order.
  static std::unique_ptr<EngineCombine> concat(long rows, std::span<const long> lengths);
  virtual ~EngineCombine() = default;

  // As many arrays as create was told of.
  virtual void run(std::span<const real* const> x, real* y) = 0;
  virtual std::string implementation() const = 0;
};

}  // namespace crema

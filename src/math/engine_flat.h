// Engine parts that treat an array as a row of numbers, or as rows of pieces, so that they work in every layout. Each
// create function returns null if the engine is not compiled in or has no kernel for the problem.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "math/real.h"

namespace crema {

// Combines several arrays into one.
class EngineCombine {
 public:
  // y = sum over k of coeff[k] * x[k], all of `count` elements. x[0] and y may be one array.
  static std::unique_ptr<EngineCombine> sum(long count, std::span<const real> coeff);
  // Array k is `rows` pieces of lengths[k] elements; row r of y is row r of each x[k], in order.
  static std::unique_ptr<EngineCombine> concat(long rows, std::span<const long> lengths);
  virtual ~EngineCombine() = default;

  // x: as many arrays as sum() or concat() was given.
  virtual void run(std::span<const real* const> x, real* y) = 0;
  virtual std::string implementation() const = 0;
};

}  // namespace crema

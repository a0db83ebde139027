#include "math/engine_bounds.h"

#include <algorithm>
#include <limits>

namespace crema {
namespace {

constexpr long kLargest = std::numeric_limits<int>::max();
constexpr long kBlock = 16;               // channels are rounded up to blocks
constexpr long kLargestWindow = 1 << 15;  // oneDNN multiplies two of a window's numbers with each other

}  // namespace

bool engine_takes(std::initializer_list<Shape> arrays) {
  return std::all_of(arrays.begin(), arrays.end(), [](const Shape& shape) {
    const bool sizes = std::all_of(shape.dims().begin(), shape.dims().end(), [](long d) { return d <= kLargest; });
    if (!sizes || shape.axes() < 2 || shape.count() == 0) return sizes;
    const long channels = (shape[1] + kBlock - 1) / kBlock * kBlock;
    return channels <= kLargest / static_cast<long>(sizeof(float)) / shape.count_from(2);
  });
}

bool engine_takes(const Windows& windows) {
  for (const auto* numbers : {&windows.kernel, &windows.stride, &windows.pad, &windows.dilation}) {
    if (std::any_of(numbers->begin(), numbers->end(), [](long n) { return n >= kLargestWindow; })) return false;
  }
  return true;
}

}  // namespace crema

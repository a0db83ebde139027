#include "math/layout.h"

#include <cctype>

#include <fmt/format.h>

namespace crema {

int block_size(Layout layout) {
  switch (layout) {
    case Layout::blocked4:
      return 4;
    case Layout::blocked8:
      return 8;
    case Layout::blocked16:
      return 16;
    case Layout::plain:
    case Layout::channels_last:
      break;
  }
  return 1;
}

long storage_count(const Shape& shape, Layout layout) {
  const long block = block_size(layout);
  if (block == 1 || shape.axes() < 2) return shape.count();
  const long channels = (shape[1] + block - 1) / block * block;
  return shape[0] * channels * shape.count_from(2);
}

std::string layout_name(Layout layout, int axes) {
  static const char* const kSpatial[] = {"", "w", "hw", "dhw"};
  if (axes < 2 || axes > 5) return axes == 1 ? "n" : fmt::format("plain{}", axes);
  const std::string spatial = kSpatial[axes - 2];
  switch (layout) {
    case Layout::plain:
      return "nc" + spatial;
    case Layout::channels_last:
      return "n" + spatial + "c";
    default:
      return fmt::format("nC{}{}c", spatial, block_size(layout));
  }
}

}  // namespace crema

// How the elements of a shape lie in memory. The logical shape never changes with it.
#pragma once

#include <string>

#include "math/shape.h"

namespace crema {

enum class Layout {
  plain,          // row-major in the order of the axes: nchw
  channels_last,  // axis 1 moved to the end: nhwc
  blocked4,       // axis 1 in blocks of 4 that lie innermost: nChw4c; a last, partial block is padded with zeros
  blocked8,
  blocked16,
};

int block_size(Layout layout);  // 1 for plain and channels_last

// Elements that a buffer of this shape and layout holds: padding included. 20 channels in blocks of 16 take 32.
long storage_count(const Shape& shape, Layout layout);

std::string layout_name(Layout layout, int axes);  // "nchw", "nhwc", "nChw16c"; for 3 and 5 axes "ncw", "ncdhw", ...

}  // namespace crema

// What the engine is given is bounded first.
#pragma once

#include <initializer_list>

#include "math/im2col.h"
#include "math/shape.h"

namespace crema {

// Whether oneDNN can count in arrays of these shapes, and in these windows. Its kernels keep sizes, and distances
// within a record in bytes, in int, without a check. Beyond, a layer takes its plain path.
bool engine_takes(std::initializer_list<Shape> arrays);
bool engine_takes(const Windows& windows);

}  // namespace crema

// Bounds on the problems that the engine gets.
#pragma once

#include <initializer_list>

#include "math/im2col.h"
#include "math/shape.h"

namespace crema {

// Whether arrays of these shapes, or these windows, are small enough for oneDNN's arithmetic. Its kernels keep sizes,
// and byte distances within a record, in int without a check. For larger ones, a layer takes its plain path.
bool engine_takes(std::initializer_list<Shape> arrays);
bool engine_takes(const Windows& windows);

}  // namespace crema

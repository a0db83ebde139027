// Initial values of parameters (and of DummyData): constant, uniform, gaussian (sparse on request), xavier, msra,
// positive_unitball, bilinear.
#pragma once

#include "base/random.h"
#include "crema.pb.h"
#include "math/real.h"
#include "math/shape.h"

namespace crema {

// Throws Error for an unknown type or values that make no sense (min > max, std < 0, ...), without filling.
void check_filler(const FillerParameter& filler);

// The same; also throws Error for a shape that the filler cannot fill.
void check_filler(const FillerParameter& filler, const Shape& shape);

// Fills shape.count() elements. Element i depends on `random` and i alone.
void fill(const FillerParameter& filler, const Shape& shape, const Random& random, real* data);

}  // namespace crema

// Local response normalization across channels where channels are neighbours in memory: in blocks, or all of a pixel's.
// Internal to local_response.cpp.
#pragma once

#include "math/local_response.h"

namespace crema {

// Numbers that one job needs.
long line_room(const LocalResponse& norm);

// A job is a few pixels of one record.
long line_jobs(const LocalResponse& norm);
void line_forward(const LocalResponse& norm, long begin, long end, const real* x, real* y, real* room);
void line_backward(const LocalResponse& norm, long begin, long end, const real* x, const real* dy, real* dx,
                   real* room);

}  // namespace crema

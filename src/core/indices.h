// Indices as a net carries them: whole numbers, stored as real.
#pragma once

#include "core/blob.h"

namespace crema {

// Turns the blob's numbers into `indices`, which has room for all. Throws Error for one that is not a whole number in
// [0, limit), with the index of its record in the batch; `what` names what the indices count: "rows of the table".
void read_indices(const Blob& blob, long limit, const char* what, BufferOf<int>& indices);

}  // namespace crema

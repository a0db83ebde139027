// Image files (PNG, JPEG and what else OpenCV reads) as records.
#pragma once

#include <string_view>

#include "data/record_source.h"

namespace crema {

// Sets everything of `record` but the label, from the bytes of an image file: planes in the order blue, green, red, or
// one plane of grey. Throws Error if they are not an image of 8 bits a channel, or if OpenCV was left out of this
// build.
void decode_image(std::string_view bytes, Decoding decoding, Record* record);

}  // namespace crema

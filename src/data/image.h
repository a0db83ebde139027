// Image files (PNG, JPEG and what else OpenCV reads) as records.
#pragma once

#include <string_view>

#include "data/record_source.h"

namespace crema {

// The size that an image is scaled to, bilinearly; 0 x 0: as it is.
struct ImageSize {
  int height = 0, width = 0;
};

// Sets everything of `record` but the label, from the bytes of an image file: planes in the order blue, green, red, or
// one plane of grey. Throws Error if they are not an image of 8 bits a channel, or if OpenCV was left out of this
// build.
void decode_image(std::string_view bytes, Decoding decoding, Record* record, ImageSize size = {});

// A rectangle of pixels.
struct ImagePart {
  int x = 0, y = 0, width = 0, height = 0;
};

// Sets everything of `scaled` but the label to a part, within `image`, at another size. Both hold bytes.
void scale_part(const Record& image, const ImagePart& part, ImageSize size, Record* scaled);

// Throws Error if OpenCV was left out of this build.
void check_images_are_read();

}  // namespace crema

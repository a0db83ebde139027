// Image files (JPEG, PNG, BMP, WebP, TIFF, PNM) as records.
#pragma once

#include <string_view>

#include "data/record_source.h"

namespace crema {

// The size that an image is scaled to, bilinearly; 0 x 0: as it is.
struct ImageSize {
  int height = 0, width = 0;
};

// Sets everything of `record` but the label, from the bytes of an image file: planes in the order blue, green, red, or
// one plane of grey. Throws Error if they are not an image of 8 bits a channel in one of the six formats, if it has
// more pixels than decoding.max_pixels, or if OpenCV was left out of this build.
//
// The format and the size are read before OpenCV sees the bytes, and its decoders print nothing. TIFF, whose library
// has crashed on damaged files again and again, is decoded in a process of its own, which costs ten milliseconds an
// image.
void decode_image(std::string_view bytes, const Decoding& decoding, Record* record, ImageSize size = {});

// The bytes of an image file. Throws Error if it is not a regular file or holds more than 1 GB.
std::string read_image(const std::string& path);

// A rectangle of pixels.
struct ImagePart {
  int x = 0, y = 0, width = 0, height = 0;
};

// Scales `part` of `image` to `size` and puts it into `scaled`, all but the label. Both hold bytes.
void scale_part(const Record& image, const ImagePart& part, ImageSize size, Record* scaled);

// Throws Error if OpenCV was left out of this build.
void check_images_are_read();

}  // namespace crema

// What an image file says of itself, read before anything decodes it.
#pragma once

#include <cstdint>
#include <string_view>

namespace crema {

enum class ImageFormat { jpeg, png, bmp, webp, tiff, pnm };

std::string_view name_of(ImageFormat format);

struct ImageHeader {
  ImageFormat format;
  uint64_t width, height;
};

// The format, by its signature, and the size. Throws Error for other formats, for a header that is cut off or faulty,
// for a header that announces more than `max_pixels` pixels or far more than the file's bytes can hold, and for a JPEG
// with too many scans. It never takes more memory than the bytes themselves.
ImageHeader read_image_header(std::string_view bytes, uint64_t max_pixels);

}  // namespace crema

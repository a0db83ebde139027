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
// for one that announces more than `max_pixels` pixels or far more than its bytes can hold, and for a JPEG that goes
// over its pixels again and again. At no time is more memory taken than the bytes have.
ImageHeader read_image_header(std::string_view bytes, uint64_t max_pixels);

}  // namespace crema

#include "data/image_header.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "base/error.h"

namespace crema {
namespace {

constexpr int kMaxScans = 64;  // of a progressive JPEG; encoders write about ten

struct Size {
  uint64_t width = 0, height = 0;
};

std::string_view word(std::string_view bytes, size_t at) { return bytes.substr(std::min(at, bytes.size()), 4); }

// Reads numbers at given places; throws Error beyond the end.
class Bytes {
 public:
  Bytes(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  uint64_t number(uint64_t at, int size) const {
    check(at <= bytes_.size() && static_cast<uint64_t>(size) <= bytes_.size() - at, "it ends within its header");
    uint64_t value = 0;
    for (int i = 0; i < size; ++i) {
      const auto byte = static_cast<unsigned char>(bytes_[at + static_cast<uint64_t>(big_endian_ ? i : size - 1 - i)]);
      value = value << 8 | byte;
    }
    return value;
  }

 private:
  std::string_view bytes_;
  bool big_endian_;
};

Size png_size(std::string_view bytes) {
  const Bytes from(bytes, true);
  check(word(bytes, 12) == "IHDR", "it does not begin with its header");
  return {from.number(16, 4), from.number(20, 4)};
}

bool is_frame(uint64_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

// Goes from marker to marker to the end, since the number of scans decides how long decoding takes.
Size jpeg_size(std::string_view bytes) {
  const Bytes from(bytes, true);
  Size size;
  int frames = 0, scans = 0;
  for (size_t at = 2; (at = bytes.find('\xff', at)) != std::string_view::npos;) {
    const size_t marker_at = bytes.find_first_not_of('\xff', at);
    if (marker_at == std::string_view::npos) break;
    const uint64_t marker = from.number(marker_at, 1);
    at = marker_at + 1;
    if (marker == 0xD9) break;                                           // the end
    if (marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8)) continue;  // has no contents
    if (marker == 0xDA) check(++scans <= kMaxScans, "it has more than {} scans", kMaxScans);
    if (at + 2 > bytes.size()) break;
    if (is_frame(marker)) {
      check(++frames == 1, "it has several frames");
      size.height = from.number(at + 3, 2);
      size.width = from.number(at + 5, 2);
    }
    at += std::max<uint64_t>(2, from.number(at, 2));
  }
  check(frames == 1, "it ends within its header");
  return size;
}

Size bmp_size(std::string_view bytes) {
  const Bytes from(bytes, false);
  if (from.number(14, 4) == 12) return {from.number(18, 2), from.number(20, 2)};
  const auto height = static_cast<int32_t>(from.number(22, 4));  // below 0: the first row is the upper one
  return {from.number(18, 4), static_cast<uint64_t>(std::abs(static_cast<int64_t>(height)))};
}

Size webp_size(std::string_view bytes) {
  const Bytes from(bytes, false);
  const std::string_view kind = word(bytes, 12);
  if (kind == "VP8X") return {1 + from.number(24, 3), 1 + from.number(27, 3)};
  if (kind == "VP8L") {
    const uint64_t sizes = from.number(21, 4);
    return {1 + (sizes & 0x3FFF), 1 + (sizes >> 14 & 0x3FFF)};
  }
  check(kind == "VP8 ", "its first part is of an unknown kind");
  return {from.number(26, 2) & 0x3FFF, from.number(28, 2) & 0x3FFF};
}

// The first image. Tiles may be larger than it, and are decoded whole.
Size tiff_size(std::string_view bytes) {
  constexpr uint64_t kWidth = 256, kHeight = 257, kTileWidth = 322, kTileHeight = 323;
  const Bytes from(bytes, bytes[0] == 'M');
  const bool big = from.number(2, 2) == 43;
  const int count_size = big ? 8 : 2, entry_size = big ? 20 : 12, value_at = big ? 12 : 8;
  const uint64_t start = big ? from.number(8, 8) : from.number(4, 4);
  const uint64_t entries = from.number(start, count_size);
  check(entries <= bytes.size() / static_cast<uint64_t>(entry_size), "it ends within its header");
  uint64_t width = 0, height = 0, tile_width = 0, tile_height = 0;
  for (uint64_t i = 0; i < entries; ++i) {
    const uint64_t at = start + static_cast<uint64_t>(count_size) + i * static_cast<uint64_t>(entry_size);
    const uint64_t tag = from.number(at, 2), type = from.number(at + 2, 2);
    const int size = type == 3 ? 2 : type == 16 ? 8 : 4;
    uint64_t* const to = tag == kWidth        ? &width
                         : tag == kHeight     ? &height
                         : tag == kTileWidth  ? &tile_width
                         : tag == kTileHeight ? &tile_height
                                              : nullptr;
    if (to != nullptr) *to = std::max(*to, from.number(at + static_cast<uint64_t>(value_at), size));
  }
  return {std::max(width, tile_width), std::max(height, tile_height)};
}

// Numbers between white space and comments.
uint64_t pnm_number(std::string_view bytes, size_t* at) {
  const auto is = [&](int (*kind)(int)) {
    return *at < bytes.size() && kind(static_cast<unsigned char>(bytes[*at])) != 0;
  };
  while (is(std::isspace) || (*at < bytes.size() && bytes[*at] == '#')) {
    if (bytes[*at] == '#')
      *at = std::min(bytes.find_first_of("\r\n", *at), bytes.size());
    else
      ++*at;
  }
  check(is(std::isdigit), "its header has no sizes");
  uint64_t value = 0;
  for (; is(std::isdigit); ++*at)
    value = std::min<uint64_t>(10 * value + static_cast<uint64_t>(bytes[*at] - '0'), 1u << 31);
  return value;
}

Size pnm_size(std::string_view bytes) {
  size_t at = 2;
  const uint64_t width = pnm_number(bytes, &at);
  return {width, pnm_number(bytes, &at)};
}

ImageFormat format_of(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xff\xd8\xff")) return ImageFormat::jpeg;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return ImageFormat::png;
  if (bytes.starts_with("BM")) return ImageFormat::bmp;
  if (bytes.starts_with("RIFF") && word(bytes, 8) == "WEBP") return ImageFormat::webp;
  for (const std::string_view signature : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv}) {
    if (bytes.starts_with(signature)) return ImageFormat::tiff;
  }
  const bool pnm = bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
                   std::isspace(static_cast<unsigned char>(bytes[2])) != 0;
  if (pnm) return ImageFormat::pnm;
  throw Error("not an image file of a kind that is read: JPEG, PNG, BMP, WebP, TIFF or PNM");
}

Size size_of(ImageFormat format, std::string_view bytes) {
  switch (format) {
    case ImageFormat::jpeg:
      return jpeg_size(bytes);
    case ImageFormat::png:
      return png_size(bytes);
    case ImageFormat::bmp:
      return bmp_size(bytes);
    case ImageFormat::webp:
      return webp_size(bytes);
    case ImageFormat::tiff:
      return tiff_size(bytes);
    case ImageFormat::pnm:
      return pnm_size(bytes);
  }
  return {};
}

// How many pixels one byte of a file may hold, rounded up: a block of 64 in a bit of a progressive JPEG, a run of 255
// in two bytes of a BMP, deflated rows of single bits in a PNG. WebP and TIFF have no such bound, but exceed that of
// PNG only for large images of one colour.
uint64_t pixels_of_a_byte(ImageFormat format) {
  return format == ImageFormat::jpeg ? 2048 : format == ImageFormat::bmp ? 1024 : 16384;
}

}  // namespace

std::string_view name_of(ImageFormat format) {
  constexpr std::string_view names[] = {"JPEG", "PNG", "BMP", "WebP", "TIFF", "PNM"};
  return names[static_cast<size_t>(format)];
}

ImageHeader read_image_header(std::string_view bytes, uint64_t max_pixels) {
  const ImageFormat format = format_of(bytes);
  Size size;
  try {
    size = size_of(format, bytes);
    check(size.width > 0 && size.height > 0, "its size is {} x {}", size.height, size.width);
  } catch (const Error& error) {
    throw Error("a damaged {} file: {}", name_of(format), error.what());
  }
  check(size.width <= max_pixels / size.height,
        "a {} image of {} x {} pixels (height x width), more than transform_param's max_pixels, {}", name_of(format),
        size.height, size.width, max_pixels);
  constexpr uint64_t kSmall = 1 << 22;  // so few pixels take little memory: any file may announce them
  const uint64_t most = kSmall + bytes.size() * pixels_of_a_byte(format);
  check(size.width * size.height <= most,
        "a damaged {} file: it announces {} x {} pixels, for which {} bytes are too few", name_of(format), size.height,
        size.width, bytes.size());
  return {format, size.width, size.height};
}

}  // namespace crema

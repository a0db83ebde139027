#include "data/image.h"

#include "base/error.h"
#include "base/file.h"

#ifdef CREMA_WITH_OPENCV
#include "base/child.h"
#include "base/quiet.h"
#include "data/image_header.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <new>
#include <string>
#endif

namespace crema {

std::string read_image(const std::string& path) {
  constexpr uint64_t kMaxFile = uint64_t{1} << 30;
  check_regular(path);
  return read_file(path, kMaxFile);
}

#ifdef CREMA_WITH_OPENCV
namespace {

// Bytes that decoding a pixel takes at most, whatever is stored: four channels of 64 bits, in two steps.
constexpr uint64_t kPixel = 64;
constexpr uint64_t kRoom = uint64_t{1} << 28;  // bytes that a library may take for its own use
constexpr uint64_t kSeconds = 10, kPixelsASecond = 2'000'000;

cv::Mat decode(std::string_view bytes, Channels channels) {
  const int mode = channels == Channels::color  ? cv::IMREAD_COLOR
                   : channels == Channels::gray ? cv::IMREAD_GRAYSCALE
                                                : cv::IMREAD_UNCHANGED;
  // imdecode() takes its input as a matrix, and a matrix cannot have const memory, hence the cast.
  const cv::Mat input(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  try {
    return cv::imdecode(input, mode);
  } catch (const cv::Exception& exception) {
    if (exception.code == cv::Error::StsNoMem) throw std::bad_alloc();
    throw Error("OpenCV refuses it: {}", exception.err);
  }
}

cv::Mat decode_elsewhere(std::string_view bytes, Channels channels, uint64_t pixels) {
  Child child([&](ChildOutput& output) {
    limit_child(kRoom + kPixel * pixels + 2 * bytes.size(), kSeconds + pixels / kPixelsASecond);
    const cv::Mat image = decode(bytes, channels);
    for (const int value : {image.rows, image.cols, image.type()}) output.put(value);
    for (int row = 0; row < image.rows; ++row) output.write(image.ptr(row), image.cols * image.elemSize());
  });
  const int rows = child.get<int>(), columns = child.get<int>(), type = child.get<int>();
  cv::Mat image(rows, columns, type);
  for (int row = 0; row < rows; ++row) child.read(image.ptr(row), image.cols * image.elemSize());
  child.finish();
  return image;
}

// Returns a PNG without its texts. crema does not use them, and packed texts unpack to a thousand times their size.
std::string without_texts(std::string_view png) {
  constexpr size_t kSignature = 8, kAround = 12;  // of a chunk: length and kind before, checksum behind
  std::string kept(png.substr(0, kSignature));
  for (size_t at = kSignature; at < png.size();) {
    size_t length = 0;
    for (size_t i = at; i < std::min(at + 4, png.size()); ++i)
      length = length << 8 | static_cast<unsigned char>(png[i]);
    const std::string_view chunk = png.substr(at, length + kAround),
                           kind = chunk.substr(std::min<size_t>(4, chunk.size()), 4);
    if (kind != "zTXt" && kind != "iTXt" && kind != "tEXt") kept += chunk;
    at += chunk.size();
  }
  return kept;
}

cv::Mat checked_decode(std::string_view bytes, const Decoding& decoding) {
  const ImageHeader header = read_image_header(bytes, decoding.max_pixels);
  cv::Mat image;
  try {
    if (header.format == ImageFormat::tiff) {
      image = decode_elsewhere(bytes, decoding.channels, header.width * header.height);
    } else if (header.format == ImageFormat::png) {
      const std::string png = without_texts(bytes);
      quietly([&] { image = decode(png, decoding.channels); });
    } else {
      quietly([&] { image = decode(bytes, decoding.channels); });
    }
    check(!image.empty(), "OpenCV cannot read it");
  } catch (const Error& error) {
    throw Error("a damaged {} file: {}", name_of(header.format), error.what());
  }
  check(image.total() <= decoding.max_pixels, "an image of {} x {} pixels, more than max_pixels, {}", image.rows,
        image.cols, decoding.max_pixels);
  check(image.depth() == CV_8U, "an image of more than 8 bits a channel");
  return image;
}

cv::Mat scale(const cv::Mat& image, ImageSize size) {
  if (size.height == 0 || (size.height == image.rows && size.width == image.cols)) return image;
  cv::Mat scaled;
  try {
    cv::resize(image, scaled, cv::Size(size.width, size.height));
  } catch (const cv::Exception& exception) {
    throw Error("an image that OpenCV does not scale to {} x {}: {}", size.height, size.width, exception.err);
  }
  return scaled;
}

}  // namespace

void check_images_are_read() {}

void decode_image(std::string_view bytes, const Decoding& decoding, Record* record, ImageSize size) {
  check(!bytes.empty() && bytes.size() < size_t{1} << 31, "an image file of {} bytes", bytes.size());
  const cv::Mat image = scale(checked_decode(bytes, decoding), size);
  record->channels = image.channels();
  record->height = image.rows;
  record->width = image.cols;
  record->floats.clear();
  record->bytes.resize(static_cast<size_t>(record->count()));
  record->decoded = true;
  char* to = record->bytes.data();
  for (int c = 0; c < record->channels; ++c) {
    for (int h = 0; h < record->height; ++h) {
      const auto* from = image.ptr<char>(h) + c;
      for (int w = 0; w < record->width; ++w) *to++ = from[static_cast<long>(w) * record->channels];
    }
  }
}

// Each plane is an image of its own.
void scale_part(const Record& image, const ImagePart& part, ImageSize size, Record* scaled) {
  scaled->channels = image.channels;
  scaled->height = size.height;
  scaled->width = size.width;
  scaled->decoded = image.decoded;
  scaled->floats.clear();
  scaled->bytes.resize(static_cast<size_t>(scaled->count()));
  const long from = static_cast<long>(image.height) * image.width, to = static_cast<long>(size.height) * size.width;
  for (int c = 0; c < image.channels; ++c) {
    // A matrix cannot have const memory, hence the cast.
    const cv::Mat plane(image.height, image.width, CV_8UC1, const_cast<char*>(image.bytes.data()) + c * from);
    const cv::Mat result(size.height, size.width, CV_8UC1, scaled->bytes.data() + c * to);
    scale(plane(cv::Rect(part.x, part.y, part.width, part.height)), size).copyTo(result);
  }
}
#else
void scale_part(const Record&, const ImagePart&, ImageSize, Record*) { check_images_are_read(); }

void check_images_are_read() {
  throw Error("image files cannot be decoded by this build: OpenCV was left out (CMake option CREMA_OPENCV)");
}

void decode_image(std::string_view, const Decoding&, Record*, ImageSize) {
  throw Error("an image file, and this build cannot decode it: OpenCV was left out (CMake option CREMA_OPENCV)");
}
#endif

}  // namespace crema

#include "data/image.h"

#include "base/error.h"

#ifdef CREMA_WITH_OPENCV
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#endif

namespace crema {

#ifdef CREMA_WITH_OPENCV
namespace {

cv::Mat decode(std::string_view bytes, Decoding decoding) {
  const int mode = decoding == Decoding::color  ? cv::IMREAD_COLOR
                   : decoding == Decoding::gray ? cv::IMREAD_GRAYSCALE
                                                : cv::IMREAD_UNCHANGED;
  // imdecode() takes its input as a matrix, which has no form for memory that is only read.
  const cv::Mat input(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  try {
    return cv::imdecode(input, mode);
  } catch (const cv::Exception& exception) {
    throw Error("an image file that OpenCV refuses: {}", exception.err);
  }
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

void decode_image(std::string_view bytes, Decoding decoding, Record* record, ImageSize size) {
  check(!bytes.empty() && bytes.size() < size_t{1} << 31, "an image file of {} bytes", bytes.size());
  const cv::Mat stored = decode(bytes, decoding);
  check(!stored.empty(), "not an image file that OpenCV can read");
  check(stored.depth() == CV_8U, "an image of more than 8 bits a channel");
  const cv::Mat image = scale(stored, size);
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
    // A matrix has no form for memory that is only read.
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

void decode_image(std::string_view, Decoding, Record*, ImageSize) {
  throw Error("an image file, and this build cannot decode it: OpenCV was left out (CMake option CREMA_OPENCV)");
}
#endif

}  // namespace crema

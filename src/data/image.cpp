#include "data/image.h"

#include "base/error.h"

#ifdef CREMA_WITH_OPENCV
#include <opencv2/imgcodecs.hpp>
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

}  // namespace

void decode_image(std::string_view bytes, Decoding decoding, Record* record) {
  check(!bytes.empty() && bytes.size() < size_t{1} << 31, "an image file of {} bytes", bytes.size());
  const cv::Mat image = decode(bytes, decoding);
  check(!image.empty(), "not an image file that OpenCV can read");
  check(image.depth() == CV_8U, "an image of more than 8 bits a channel");
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
#else
void decode_image(std::string_view, Decoding, Record*) {
  throw Error("an image file, and this build cannot decode it: OpenCV was left out (CMake option CREMA_OPENCV)");
}
#endif

}  // namespace crema

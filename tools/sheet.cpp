// Examples as a picture.
#include "examples.h"

#ifdef CREMA_WITH_OPENCV
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#endif

namespace crema {

#ifdef CREMA_WITH_OPENCV
namespace {

constexpr int kImage = 112, kCaption = 22, kMargin = 8, kInARow = 10;

// The image in a square of kImage pixels a side, in colour.
cv::Mat enlarged(const Example& e) {
  std::vector<cv::Mat> channels;
  for (long c = 0; c < e.channels; ++c) {
    const unsigned char* plane = e.pixels.data() + c * e.height * e.width;
    channels.emplace_back(static_cast<int>(e.height), static_cast<int>(e.width), CV_8U,
                          const_cast<unsigned char*>(plane));
  }
  cv::Mat image, colour;
  cv::merge(channels, image);
  if (e.channels == 1) {
    cv::cvtColor(image, colour, cv::COLOR_GRAY2BGR);
  } else {
    colour = image;
  }
  const bool grows = std::max(e.height, e.width) <= kImage;
  cv::resize(colour, image, {kImage, kImage}, 0, 0, grows ? cv::INTER_NEAREST : cv::INTER_AREA);
  return image;
}

void draw(const Example& e, int left, int top, cv::Mat* sheet) {
  enlarged(e).copyTo((*sheet)(cv::Rect(left, top, kImage, kImage)));
  const cv::Scalar black(0, 0, 0), red(0, 0, 208);
  cv::putText(*sheet, fmt::format("{} / {}", e.predicted, e.label), {left, top + kImage + kCaption - 6},
              cv::FONT_HERSHEY_SIMPLEX, 0.5, e.right() ? black : red, 1, cv::LINE_AA);
}

}  // namespace

std::string as_png(const std::vector<Example>& examples) {
  const int count = static_cast<int>(examples.size()), columns = std::min(count, kInARow);
  const int rows = (count + columns - 1) / columns, header = kCaption + kMargin;
  cv::Mat sheet(header + rows * (kImage + kCaption + kMargin), kMargin + columns * (kImage + kMargin), CV_8UC3,
                cv::Scalar(255, 255, 255));
  cv::putText(sheet, "predicted / label", {kMargin, kCaption}, cv::FONT_HERSHEY_SIMPLEX, 0.5, {96, 96, 96}, 1,
              cv::LINE_AA);
  for (int i = 0; i < count; ++i) {
    draw(examples[i], kMargin + i % columns * (kImage + kMargin), header + i / columns * (kImage + kCaption + kMargin),
         &sheet);
  }
  std::vector<unsigned char> bytes;
  check(cv::imencode(".png", sheet, bytes), "the contact sheet cannot be encoded as PNG");
  return {bytes.begin(), bytes.end()};
}

#else

std::string as_png(const std::vector<Example>&) {
  throw Error("contact sheets need OpenCV, which is not part of this build (CMake option CREMA_OPENCV)");
}

#endif

}  // namespace crema

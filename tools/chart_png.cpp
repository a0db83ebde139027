// Charts as PNG, by OpenCV.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "chart_canvas.h"

#ifdef CREMA_WITH_OPENCV
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#endif

namespace crema {

#ifdef CREMA_WITH_OPENCV
namespace {

constexpr double kScale = 2;  // picture pixels for each of the chart's pixels
constexpr int kBits = 4;      // of a coordinate's fraction

std::string ascii(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if ((c & 0xC0) != 0x80) result += c >= 0x20 && c < 0x7F ? c : '?';
  }
  return result;
}

cv::Scalar bgr(Colour c) {
  return {static_cast<double>(c.blue), static_cast<double>(c.green), static_cast<double>(c.red)};
}

class PngCanvas final : public Canvas {
 public:
  explicit PngCanvas(ChartPoint size)
      : image_(static_cast<int>(kScale * size.y), static_cast<int>(kScale * size.x), CV_8UC3,
               cv::Scalar(255, 255, 255)),
        part_(image_) {}

  void clip(const Box& box) override {
    const cv::Rect rect(pixel(box.left), pixel(box.top), pixel(box.width), pixel(box.height));
    part_ = image_(rect & cv::Rect(0, 0, image_.cols, image_.rows));
    offset_ = rect.tl();
  }
  void unclip() override {
    part_ = image_;
    offset_ = {0, 0};
  }

  void frame(const Box& box, const Stroke& stroke) override {
    line({{box.left, box.top},
          {box.right(), box.top},
          {box.right(), box.bottom()},
          {box.left, box.bottom()},
          {box.left, box.top}},
         stroke);
  }

  void line(const std::vector<ChartPoint>& points, const Stroke& stroke) override {
    if (stroke.dashes.empty()) return solid(points, stroke);
    for (const auto& dash : dashes(points, stroke.dashes)) solid(dash, stroke);
  }

  void dots(const std::vector<ChartPoint>& points, Colour colour, double size) override {
    for (const ChartPoint& p : points) {
      cv::circle(part_, fine(p), static_cast<int>(kScale * size / 2 * (1 << kBits)), bgr(colour), cv::FILLED,
                 cv::LINE_AA, kBits);
    }
  }

  void text(ChartPoint at, const std::string& text, const TextStyle& style, const std::string& raised) override {
    if (text.empty()) return;
    const int size = pixel(style.size), thickness = style.bold ? 3 : 2;
    constexpr size_t kLongest = 500;  // longer texts are cut, since each gets a picture of its own
    const cv::Mat body = lettering(ascii(text.substr(0, kLongest)), size, thickness, style.colour);
    const cv::Mat above = raised.empty() ? cv::Mat() : lettering(ascii(raised), size * 3 / 4, thickness, style.colour);
    cv::Mat whole(body.rows + size / 2, body.cols + above.cols, CV_8UC3, cv::Scalar(255, 255, 255));
    body.copyTo(whole(cv::Rect(0, size / 4, body.cols, body.rows)));
    if (!above.empty()) above.copyTo(whole(cv::Rect(body.cols, 0, above.cols, above.rows)));
    if (style.upwards) cv::rotate(whole, whole, cv::ROTATE_90_COUNTERCLOCKWISE);
    const int length = style.upwards ? whole.rows : whole.cols;
    const int before = style.anchor == Anchor::start ? 0 : style.anchor == Anchor::middle ? length / 2 : length;
    if (style.upwards) return put(whole, pixel(at.x) - whole.cols / 2, pixel(at.y) - (length - before));
    put(whole, pixel(at.x) - before, pixel(at.y) - whole.rows / 2);
  }

  std::string encoded() const {
    std::vector<unsigned char> bytes;
    check(cv::imencode(".png", image_, bytes), "the chart cannot be encoded as PNG");
    return {bytes.begin(), bytes.end()};
  }

 private:
  static int pixel(double value) { return static_cast<int>(std::lround(kScale * value)); }

  cv::Point fine(ChartPoint p) const {
    const double x = std::clamp(kScale * p.x - offset_.x, -1e5, 1e5),
                 y = std::clamp(kScale * p.y - offset_.y, -1e5, 1e5);
    return {static_cast<int>(std::lround(x * (1 << kBits))), static_cast<int>(std::lround(y * (1 << kBits)))};
  }

  void solid(const std::vector<ChartPoint>& points, const Stroke& stroke) {
    std::vector<cv::Point> places;
    for (const ChartPoint& p : points) places.push_back(fine(p));
    cv::polylines(part_, places, false, bgr(stroke.colour), std::max(1, pixel(stroke.width)), cv::LINE_AA, kBits);
  }

  // Cuts the line into dashes of those lengths.
  static std::vector<std::vector<ChartPoint>> dashes(const std::vector<ChartPoint>& points,
                                                     const std::vector<double>& lengths) {
    std::vector<std::vector<ChartPoint>> pieces{{points[0]}};
    size_t piece = 0;  // pieces with even numbers are drawn
    double left = lengths[0];
    for (size_t i = 1; i < points.size(); ++i) {
      ChartPoint from = points[i - 1];
      double length = std::hypot(points[i].x - from.x, points[i].y - from.y);
      if (!(length < 1e5)) continue;
      while (length > left) {
        from = {from.x + (points[i].x - from.x) * left / length, from.y + (points[i].y - from.y) * left / length};
        length -= left;
        if (piece % 2 == 0) pieces.back().push_back(from);
        piece = (piece + 1) % lengths.size();
        left = lengths[piece];
        if (piece % 2 == 0) pieces.push_back({from});
      }
      left -= length;
      if (piece % 2 == 0) pieces.back().push_back(points[i]);
    }
    return pieces;
  }

  // Draws a text into a separate picture, with its digits in the middle of the height.
  static cv::Mat lettering(const std::string& text, int size, int thickness, Colour colour) {
    const int font = cv::FONT_HERSHEY_SIMPLEX;
    int baseline = 0;
    const double scale = size / 30.0;  // capitals are 21 units high
    const cv::Size box = cv::getTextSize(text, font, scale, thickness, &baseline);
    cv::Mat picture(box.height + 2 * baseline, box.width + 2, CV_8UC3, cv::Scalar(255, 255, 255));
    cv::putText(picture, text, {0, baseline + box.height}, font, scale, bgr(colour), thickness, cv::LINE_AA);
    return picture;
  }

  // Draws `picture` over the image; of two pixels, the darker one stays.
  void put(const cv::Mat& picture, int left, int top) {
    const cv::Rect wanted(left, top, picture.cols, picture.rows);
    const cv::Rect rect = wanted & cv::Rect(0, 0, image_.cols, image_.rows);
    if (rect.empty()) return;
    cv::Mat under = image_(rect);
    const cv::Mat over = picture(rect - wanted.tl());
    cv::min(under, over, under);
  }

  cv::Mat image_, part_;
  cv::Point offset_{0, 0};
};

}  // namespace

std::string as_png(const Chart& chart) {
  PngCanvas canvas(chart_size(chart));
  draw(chart, &canvas);
  return canvas.encoded();
}

#else

std::string as_png(const Chart&) {
  throw Error("charts as PNG need OpenCV, which is not part of this build (CMake option CREMA_OPENCV); write an .svg");
}

#endif

}  // namespace crema

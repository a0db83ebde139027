// What a chart is drawn on. Places are in pixels, from the upper left corner.
#pragma once

#include <string>
#include <vector>

#include "chart.h"

namespace crema {

struct Box {
  double left, top, width, height;
  double right() const { return left + width; }
  double bottom() const { return top + height; }
};

enum class Anchor { start, middle, end };

struct TextStyle {
  double size = 12;  // of the font
  Anchor anchor = Anchor::start;
  Colour colour = {31, 35, 40};
  bool bold = false;
  bool upwards = false;  // read from below
};

struct Stroke {
  Colour colour;
  double width = 1;
  std::vector<double> dashes{};  // lengths of a dash, a gap, a dash, ... in turn; none: the line is solid
};

class Canvas {
 public:
  virtual ~Canvas() = default;
  // What is drawn from here on is cut off at the box, until unclip().
  virtual void clip(const Box& box) = 0;
  virtual void unclip() = 0;
  virtual void frame(const Box& box, const Stroke& stroke) = 0;
  virtual void line(const std::vector<ChartPoint>& points, const Stroke& stroke) = 0;
  virtual void dots(const std::vector<ChartPoint>& points, Colour colour, double size) = 0;
  // `at` is the middle of the text's height; `raised` follows as a superscript.
  virtual void text(ChartPoint at, const std::string& text, const TextStyle& style, const std::string& raised = "") = 0;
};

// The picture's size: width and height.
ChartPoint chart_size(const Chart& chart);
// The areas that the axes frame, by panel.
std::vector<Box> plot_areas(const Chart& chart);
void draw(const Chart& chart, Canvas* canvas);

// A text's width in pixels, about: fonts differ.
double text_width(const std::string& text, double size);

}  // namespace crema

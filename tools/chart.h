// Charts: panels of lines and points with axes and a legend, as SVG or PNG. For the tool and for the studies.
//
// A value that has no place on the y axis breaks its line; values beyond 1e300 have no place. A cross marks such a
// value in a strip beside the panel, where it covers no curve, and the legend explains the crosses. NaN, infinity and
// values above the axis' given maximum are marked above the panel. -infinity, values below the given minimum, and
// values that are not positive on a logarithmic axis are marked below it. A series without a name is a backdrop: its
// values above the maximum or below the minimum are not marked.
//
// Lines that lie on each other are dashed in turns, so that each is seen.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace crema {

struct Colour {
  unsigned char red, green, blue;
  bool operator==(const Colour&) const = default;
};

// The i-th of eight colours that people with any colour vision tell apart; after the last, the first follows. Okabe and
// Ito, 2008, "Color universal design".
Colour palette(size_t i);
inline constexpr size_t kPaletteSize = 8;
inline constexpr Colour kGrey = {170, 174, 180};

struct ChartPoint {
  double x, y;
};

struct Series {
  std::string name{};  // in the legend; "": not there
  std::vector<ChartPoint> points{};
  std::optional<Colour> colour{};  // default: the palette's, by the series' place in its panel
  std::optional<size_t> round{};   // how often the palette was used up before: each round has dashes of its own
  bool line = true;
  double width = 1.8;  // of the line, in pixels; 0 < width
  bool dashed = false;
  bool dots = false;      // a dot at each point
  double dot_size = 5.5;  // its diameter, in pixels
};

struct Axis {
  std::string label{};
  bool log = false;
  std::optional<double> min{}, max{};  // default: what the points need
};

struct Panel {
  std::string title{};
  Axis x{}, y{};
  std::vector<Series> series{};
  bool equal_scales = false;  // one unit is as long on x as on y; widens the range of one of the axes
};

struct Chart {
  std::string title{};
  std::vector<Panel> panels{};  // row by row
  int columns = 1;
  int width = 860;         // of the picture, in pixels
  int panel_height = 260;  // of the area that the axes frame
};

// The chart as an SVG text. Throws Error if there is no panel, if an axis' min is not below its max, or if one of them
// is not positive on a logarithmic axis.
std::string as_svg(const Chart& chart);

// The chart as a PNG file's bytes, twice as many pixels a side. OpenCV's fonts have ASCII alone: any other character
// becomes "?". Throws as as_svg(), and in a build without OpenCV.
std::string as_png(const Chart& chart);

// The chart in the format that the ending of `path` names, .svg or .png, written whole or not at all. Throws Error for
// another ending and if the file cannot be written.
void write_chart(const std::string& path, const Chart& chart);

}  // namespace crema

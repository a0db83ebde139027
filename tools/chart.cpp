#include "chart.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "chart_axis.h"
#include "chart_canvas.h"
#include "chart_looks.h"

namespace crema {
namespace {

constexpr double kMargin = 14, kTitleSize = 16, kPanelTitleSize = 13, kLabelSize = 12, kTickSize = 11;
constexpr double kLegendRow = 18, kLegendKey = 32, kLegendGap = 16;
constexpr double kLeft = 66, kRight = 12, kTickRoom = 20, kLabelRoom = 18;  // around an area
constexpr double kCross = 3.5;
constexpr Colour kGridColour = {232, 235, 239}, kFrameColour = {140, 149, 159}, kSoftText = {87, 96, 106};

struct LegendEntry {
  const Series* series;
  std::string text;
  bool cross;
  size_t row = 0;
  double left = 0;  // from the area's left edge
};

// Whether a line is visible, apart from the crosses of points without a place.
bool has_line(const Series& series) {
  return series.points.empty() || std::any_of(series.points.begin(), series.points.end(),
                                              [](const ChartPoint& point) { return std::isfinite(point.y); });
}

// The entries in rows that fit into `width`: first the lines, then the crosses.
std::vector<LegendEntry> legend(const Panel& panel, double width) {
  std::vector<LegendEntry> entries;
  for (const Series& series : panel.series) {
    if (!series.name.empty() && has_line(series)) entries.push_back({&series, series.name, false});
  }
  for (const Marks& m : marks(panel)) entries.push_back({m.series, m.what, true});
  size_t row = 0;
  double left = 0;
  for (LegendEntry& entry : entries) {
    const double needed = kLegendKey + 5 + text_width(entry.text, kTickSize);
    if (left > 0 && left + needed > width) {
      ++row;
      left = 0;
    }
    entry.row = row;
    entry.left = left;
    left += needed + kLegendGap;
  }
  return entries;
}

// The height of the title and the legend.
double head_height(const Panel& panel, double width) {
  const auto entries = legend(panel, width);
  const double rows = entries.empty() ? 0 : static_cast<double>(entries.back().row + 1);
  return (panel.title.empty() ? 0 : 22) + rows * kLegendRow + 8 + strip_height(marks(panel), true);
}

double foot_height(const Panel& panel) {
  return strip_height(marks(panel), false) + kTickRoom + (panel.x.label.empty() ? 0 : kLabelRoom) + 4;
}

struct Places {
  std::vector<Box> areas;
  double height;
};

Places place_panels(const Chart& chart) {
  check(!chart.panels.empty() && chart.columns > 0, "a chart without panels");
  const auto columns = static_cast<size_t>(chart.columns);
  const double column = (chart.width - 2 * kMargin) / chart.columns, width = column - kLeft - kRight;
  check(width > 0, "{} columns do not fit into a width of {} pixels", chart.columns, chart.width);
  Places places{{}, kMargin + (chart.title.empty() ? 0 : 26)};
  for (size_t row = 0; row < chart.panels.size(); row += columns) {
    const size_t end = std::min(chart.panels.size(), row + columns);
    double head = 0, foot = 0;
    for (size_t i = row; i < end; ++i) {
      head = std::max(head, head_height(chart.panels[i], width));
      foot = std::max(foot, foot_height(chart.panels[i]));
    }
    for (size_t i = row; i < end; ++i) {
      places.areas.push_back({kMargin + static_cast<double>(i - row) * column + kLeft, places.height + head, width,
                              static_cast<double>(chart.panel_height)});
    }
    places.height += head + chart.panel_height + foot + kMargin;
  }
  return places;
}

// If many points of a line fall into one column of pixels, only the first, the lowest, the highest and the last are
// visible. This keeps only those.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points) {
  if (points.size() < 2000) return points;
  std::vector<ChartPoint> kept;
  for (size_t begin = 0, end; begin < points.size(); begin = end) {
    size_t low = begin, high = begin;
    for (end = begin + 1; end < points.size() && std::floor(points[end].x) == std::floor(points[begin].x); ++end) {
      if (points[end].y < points[low].y) low = end;
      if (points[end].y > points[high].y) high = end;
    }
    std::vector<size_t> chosen{begin, low, high, end - 1};
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    for (const size_t i : chosen) kept.push_back(points[i]);
  }
  return kept;
}

class PanelDrawing {
 public:
  PanelDrawing(const Panel& panel, const Box& area, Canvas* canvas)
      : panel_(panel),
        area_(area),
        canvas_(*canvas),
        marks_(marks(panel)),
        x_(panel.x, coordinates(&ChartPoint::x), fmt::format("x axis of \"{}\"", panel.title)),
        y_(panel.y, coordinates(&ChartPoint::y), fmt::format("y axis of \"{}\"", panel.title)) {
    if (panel.equal_scales) equalize();
  }

  void draw() {
    axes();
    const std::vector<Stroke> strokes = this->strokes();
    canvas_.clip(area_);
    for (const bool dashed : {false, true}) {  // solid lines are drawn first, so that they show through the gaps of
                                               // dashed lines
      for (size_t i = 0; i < strokes.size(); ++i) {
        if (strokes[i].dashes.empty() != dashed) draw(panel_.series[i], strokes[i]);
      }
    }
    canvas_.unclip();
    for (const Marks& m : marks_) draw(m);
    for (const bool above : {true, false}) {
      if (const double height = strip_height(marks_, above); height > 0) {
        canvas_.frame({area_.left, above ? area_.top - height : area_.bottom(), area_.width, height}, {kGridColour});
      }
    }
    canvas_.frame(area_, {kFrameColour});
    head(strokes);
  }

 private:
  std::vector<double> coordinates(double ChartPoint::*coordinate) const {
    std::vector<double> values;
    for (const Series& series : panel_.series) {
      for (const ChartPoint& point : series.points) values.push_back(point.*coordinate);
    }
    return values;
  }

  void equalize() {
    check(!x_.log() && !y_.log(), "\"{}\": equal scales are for linear axes", panel_.title);
    const double x_unit = area_.width / (x_.max() - x_.min()), y_unit = area_.height / (y_.max() - y_.min());
    if (x_unit > y_unit) {
      x_.widen(x_unit / y_unit);
    } else {
      y_.widen(y_unit / x_unit);
    }
  }

  ChartPoint place(ChartPoint p) const {
    return {area_.left + x_.place(p.x) * area_.width, area_.bottom() - y_.place(p.y) * area_.height};
  }

  // The points of a line that goes from left to right; for other lines, no points.
  std::vector<ChartPoint> rising(const Series& series) const {
    std::vector<ChartPoint> points;
    for (const ChartPoint& point : series.points) {
      if (!x_.shows(point.x) || !y_.shows(point.y)) continue;
      points.push_back(place(point));
      if (points.size() > 1 && points.end()[-2].x > points.back().x) return {};
    }
    return points;
  }

  // The stroke of each series' line.
  std::vector<Stroke> strokes() const {
    std::vector<Stroke> strokes;
    std::vector<std::vector<ChartPoint>> lines;
    std::vector<std::vector<size_t>> groups;  // lines with the same dashes that lie on the first line of the group
    for (const Series& series : panel_.series) {
      const size_t i = strokes.size();
      strokes.push_back({colour_of(panel_, series), series.width, dashes_of(panel_, series)});
      lines.push_back(series.line ? rising(series) : std::vector<ChartPoint>());
      const auto group = std::find_if(groups.begin(), groups.end(), [&](const std::vector<size_t>& g) {
        return strokes[g[0]].dashes == strokes[i].dashes && strokes[g[0]].colour != strokes[i].colour &&
               coincide(lines[g[0]], lines[i]);
      });
      if (group == groups.end()) {
        groups.push_back({i});
      } else {
        group->push_back(i);
      }
    }
    for (const auto& group : groups) {
      for (size_t k = 0; k < group.size(); ++k) {
        strokes[group[k]].dashes = in_turn(strokes[group[k]].dashes, k, group.size());
      }
    }
    return strokes;
  }

  void axes() {
    const double below_strip = area_.bottom() + strip_height(marks_, false);
    const TextStyle below{kTickSize, Anchor::middle, kSoftText}, beside{kTickSize, Anchor::end, kSoftText};
    for (const Tick& tick : x_.ticks(std::max(2, static_cast<int>(area_.width / 75)))) {
      const double x = area_.left + x_.place(tick.value) * area_.width;
      canvas_.line({{x, area_.top}, {x, area_.bottom()}}, {kGridColour});
      canvas_.text({x, below_strip + 12}, tick.label.text, below, tick.label.raised);
    }
    for (const Tick& tick : y_.ticks(std::max(2, static_cast<int>(area_.height / 42)))) {
      const double y = area_.bottom() - y_.place(tick.value) * area_.height;
      canvas_.line({{area_.left, y}, {area_.right(), y}}, {kGridColour});
      canvas_.text({area_.left - 7, y}, tick.label.text, beside, tick.label.raised);
    }
    canvas_.text({area_.left + area_.width / 2, below_strip + kTickRoom + kLabelRoom / 2}, panel_.x.label,
                 {kLabelSize, Anchor::middle});
    canvas_.text({area_.left - kLeft + 10, area_.top + area_.height / 2}, panel_.y.label,
                 {.size = kLabelSize, .anchor = Anchor::middle, .upwards = true});
  }

  void draw(const Series& series, const Stroke& stroke) {
    std::vector<ChartPoint> run;
    for (const ChartPoint& point : series.points) {
      if (x_.shows(point.x) && y_.shows(point.y)) {
        run.push_back(place(point));
      } else {
        flush(series, stroke, &run);
      }
    }
    flush(series, stroke, &run);
  }

  void flush(const Series& series, const Stroke& stroke, std::vector<ChartPoint>* run) {
    const auto points = series.line ? thinned(*run) : *run;
    if (series.line && points.size() > 1) canvas_.line(points, stroke);
    // A point between two breaks is no line, but must be visible.
    if (!points.empty() && (series.dots || points.size() == 1)) {
      canvas_.dots(points, stroke.colour, series.dot_size);
    }
    run->clear();
  }

  // Crosses that would overlap are drawn once.
  void draw(const Marks& m) {
    const double from_area = (static_cast<double>(m.row) + 0.5) * kCrossRow + 2;
    const double y = m.above ? area_.top - from_area : area_.bottom() + from_area;
    double last = -INFINITY;
    for (const double value : m.x) {
      if (!x_.shows(value)) continue;
      const double x = area_.left + x_.place(value) * area_.width;
      if (x < area_.left || x > area_.right() || std::abs(x - last) < 2 * kCross) continue;
      cross({x, y}, colour_of(panel_, *m.series));
      last = x;
    }
  }

  void cross(ChartPoint at, Colour colour) {
    canvas_.line({{at.x - kCross, at.y - kCross}, {at.x + kCross, at.y + kCross}}, {colour, 1.6});
    canvas_.line({{at.x - kCross, at.y + kCross}, {at.x + kCross, at.y - kCross}}, {colour, 1.6});
  }

  void head(const std::vector<Stroke>& strokes) {
    const auto entries = legend(panel_, area_.width);
    const size_t rows = entries.empty() ? 0 : entries.back().row + 1;
    const double top = area_.top - strip_height(marks_, true) - 8 - static_cast<double>(rows) * kLegendRow;
    canvas_.text({area_.left, top - 11}, panel_.title, {.size = kPanelTitleSize, .bold = true});
    for (const LegendEntry& entry : entries) {
      const double left = area_.left + entry.left, y = top + (static_cast<double>(entry.row) + 0.5) * kLegendRow;
      const ChartPoint middle = {left + kLegendKey / 2, y};
      Stroke stroke = strokes[static_cast<size_t>(entry.series - panel_.series.data())];
      if (entry.cross) {
        cross(middle, stroke.colour);
      } else {
        stroke.width = std::max(1.8, stroke.width);
        if (entry.series->line) canvas_.line({{left, y}, {left + kLegendKey, y}}, stroke);
        if (entry.series->dots) canvas_.dots({middle}, stroke.colour, std::max(5.5, entry.series->dot_size));
      }
      canvas_.text({left + kLegendKey + 5, y}, entry.text, {.size = kTickSize});
    }
  }

  const Panel& panel_;
  Box area_;
  Canvas& canvas_;
  std::vector<Marks> marks_;
  Scale x_, y_;
};

}  // namespace

Colour palette(size_t i) {
  static constexpr Colour kColours[kPaletteSize] = {{0, 114, 178}, {213, 94, 0},   {0, 158, 115}, {204, 121, 167},
                                                    {230, 159, 0}, {86, 180, 233}, {64, 64, 64},  {160, 140, 0}};
  return kColours[i % kPaletteSize];
}

// Assumes the widths of a wide font, so that texts fit in any font.
double text_width(const std::string& text, double size) {
  double width = 0;
  for (const char c : text) {
    const std::string_view narrow = "ijltfI.,:;'|!()[] ", wide = "mwMW%@";
    if ((c & 0xC0) == 0x80) continue;  // a later byte of the same character
    width += narrow.find(c) != std::string_view::npos      ? 0.4
             : wide.find(c) != std::string_view::npos      ? 0.97
             : std::isupper(static_cast<unsigned char>(c)) ? 0.72
                                                           : 0.62;
  }
  return width * size;
}

ChartPoint chart_size(const Chart& chart) { return {static_cast<double>(chart.width), place_panels(chart).height}; }

std::vector<Box> plot_areas(const Chart& chart) { return place_panels(chart).areas; }

void draw(const Chart& chart, Canvas* canvas) {
  const Places places = place_panels(chart);
  canvas->text({chart.width / 2.0, kMargin + 8}, chart.title,
               {.size = kTitleSize, .anchor = Anchor::middle, .bold = true});
  for (size_t i = 0; i < chart.panels.size(); ++i) PanelDrawing(chart.panels[i], places.areas[i], canvas).draw();
}

void write_chart(const std::string& path, const Chart& chart) {
  if (path.ends_with(".svg")) return write_file(path, as_svg(chart));
  check(path.ends_with(".png"), "{}: charts are written as .svg or .png", path);
  write_file(path, as_png(chart));
}

}  // namespace crema

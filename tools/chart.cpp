#include "chart.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "chart_axis.h"
#include "chart_canvas.h"

namespace crema {
namespace {

constexpr double kMargin = 14, kTitleSize = 16, kPanelTitleSize = 13, kLabelSize = 12, kTickSize = 11;
constexpr double kLegendRow = 18, kLegendKey = 22, kLegendGap = 16;
constexpr double kLeft = 66, kRight = 12, kTickRoom = 20, kLabelRoom = 18;  // around an area
constexpr Colour kGridColour = {232, 235, 239}, kFrameColour = {140, 149, 159}, kSoftText = {87, 96, 106};

struct LegendEntry {
  const Series* series;
  size_t row;
  double left;  // from the area's left edge
};

Colour colour_of(const Panel& panel, const Series& series) {
  return series.colour.value_or(palette(static_cast<size_t>(&series - panel.series.data())));
}

// The entries in rows that fit into `width`.
std::vector<LegendEntry> legend(const Panel& panel, double width) {
  std::vector<LegendEntry> entries;
  size_t row = 0;
  double left = 0;
  for (const Series& series : panel.series) {
    if (series.name.empty()) continue;
    const double needed = kLegendKey + 5 + text_width(series.name, kTickSize);
    if (left > 0 && left + needed > width) {
      ++row;
      left = 0;
    }
    entries.push_back({&series, row, left});
    left += needed + kLegendGap;
  }
  return entries;
}

double head_height(const Panel& panel, double width) {
  const auto entries = legend(panel, width);
  const double rows = entries.empty() ? 0 : static_cast<double>(entries.back().row + 1);
  return (panel.title.empty() ? 0 : 22) + rows * kLegendRow + 8;
}

double foot_height(const Panel& panel) { return kTickRoom + (panel.x.label.empty() ? 0 : kLabelRoom) + 4; }

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

// Many points of a line that fall into one column of pixels: the first, the lowest, the highest and the last are all
// that one sees of them.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points) {
  if (points.size() < 2000) return points;
  std::vector<ChartPoint> kept;
  for (size_t begin = 0, end; begin < points.size(); begin = end) {
    size_t low = begin, high = begin;
    for (end = begin; end < points.size() && std::floor(points[end].x) == std::floor(points[begin].x); ++end) {
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
        x_(panel.x, coordinates(&ChartPoint::x), fmt::format("x axis of \"{}\"", panel.title)),
        y_(panel.y, coordinates(&ChartPoint::y), fmt::format("y axis of \"{}\"", panel.title)) {
    if (panel.equal_scales) equalize();
  }

  void draw() {
    axes();
    for (const Series& series : panel_.series) draw(series);
    canvas_.frame(area_, {kFrameColour});
    head();
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

  void axes() {
    const TextStyle below{kTickSize, Anchor::middle, kSoftText}, beside{kTickSize, Anchor::end, kSoftText};
    for (const Tick& tick : x_.ticks(std::max(2, static_cast<int>(area_.width / 75)))) {
      const double x = area_.left + x_.place(tick.value) * area_.width;
      canvas_.line({{x, area_.top}, {x, area_.bottom()}}, {kGridColour});
      canvas_.text({x, area_.bottom() + 12}, tick.label.text, below, tick.label.raised);
    }
    for (const Tick& tick : y_.ticks(std::max(2, static_cast<int>(area_.height / 42)))) {
      const double y = area_.bottom() - y_.place(tick.value) * area_.height;
      canvas_.line({{area_.left, y}, {area_.right(), y}}, {kGridColour});
      canvas_.text({area_.left - 7, y}, tick.label.text, beside, tick.label.raised);
    }
    canvas_.text({area_.left + area_.width / 2, area_.bottom() + kTickRoom + kLabelRoom / 2}, panel_.x.label,
                 {kLabelSize, Anchor::middle});
    canvas_.text({area_.left - kLeft + 10, area_.top + area_.height / 2}, panel_.y.label,
                 {.size = kLabelSize, .anchor = Anchor::middle, .upwards = true});
  }

  void draw(const Series& series) {
    const Colour colour = colour_of(panel_, series);
    std::vector<ChartPoint> run;
    double marked = -INFINITY;
    canvas_.clip(area_);
    for (const ChartPoint& point : series.points) {
      if (!x_.shows(point.x)) {
        flush(series, colour, &run);
      } else if (y_.shows(point.y)) {
        run.push_back(place(point));
      } else {
        flush(series, colour, &run);
        mark(point, colour, &marked);
      }
    }
    flush(series, colour, &run);
    canvas_.unclip();
  }

  void flush(const Series& series, Colour colour, std::vector<ChartPoint>* run) {
    const auto points = series.line ? thinned(*run) : *run;
    if (series.line && points.size() > 1) canvas_.line(points, {colour, series.width, series.dashed});
    // A point between two breaks is no line, but has to be seen.
    if (!points.empty() && (series.dots || points.size() == 1)) canvas_.dots(points, colour, series.dot_size);
    run->clear();
  }

  // A cross for a value that has no place; crosses that would lie on each other are one.
  void mark(const ChartPoint& point, Colour colour, double* marked) {
    constexpr double kSize = 3.5;
    const double x = area_.left + x_.place(point.x) * area_.width;
    if (std::abs(x - *marked) < 2 * kSize) return;
    *marked = x;
    const bool too_small = point.y == -INFINITY || std::isfinite(point.y);
    const double y = too_small ? area_.bottom() - kSize - 2 : area_.top + kSize + 2;
    canvas_.line({{x - kSize, y - kSize}, {x + kSize, y + kSize}}, {colour, 1.6});
    canvas_.line({{x - kSize, y + kSize}, {x + kSize, y - kSize}}, {colour, 1.6});
  }

  void head() {
    const auto entries = legend(panel_, area_.width);
    const size_t rows = entries.empty() ? 0 : entries.back().row + 1;
    const double top = area_.top - 8 - static_cast<double>(rows) * kLegendRow;
    canvas_.text({area_.left, top - 11}, panel_.title, {.size = kPanelTitleSize, .bold = true});
    for (const LegendEntry& entry : entries) {
      const Colour colour = colour_of(panel_, *entry.series);
      const double left = area_.left + entry.left, y = top + (static_cast<double>(entry.row) + 0.5) * kLegendRow;
      if (entry.series->line) {
        canvas_.line({{left, y}, {left + kLegendKey, y}},
                     {colour, std::max(1.8, entry.series->width), entry.series->dashed});
      }
      if (entry.series->dots) canvas_.dots({{left + kLegendKey / 2, y}}, colour, std::max(5.5, entry.series->dot_size));
      canvas_.text({left + kLegendKey + 5, y}, entry.series->name, {.size = kTickSize});
    }
  }

  const Panel& panel_;
  Box area_;
  Canvas& canvas_;
  Scale x_, y_;
};

}  // namespace

Colour palette(size_t i) {
  static constexpr Colour kColours[] = {{0, 114, 178}, {213, 94, 0},   {0, 158, 115}, {204, 121, 167},
                                        {230, 159, 0}, {86, 180, 233}, {64, 64, 64},  {160, 140, 0}};
  return kColours[i % std::size(kColours)];
}

double text_width(const std::string& text, double size) {
  const auto characters = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return 0.58 * size * static_cast<double>(characters);
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

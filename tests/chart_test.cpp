// Charts: ticks, and the positions of things in the SVG.
#include "chart.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <regex>
#include <set>

#include "chart_axis.h"
#include "chart_canvas.h"
#include "support/messages.h"

namespace crema {
namespace {

std::vector<std::string> labels(const Axis& axis, int wanted) {
  std::vector<std::string> result;
  for (const Tick& tick : Scale(axis, {}, "x").ticks(wanted)) {
    result.push_back(tick.label.text + (tick.label.raised.empty() ? "" : "^" + tick.label.raised));
  }
  return result;
}
using Labels = std::vector<std::string>;

TEST(Ticks, stand_at_round_numbers) {
  EXPECT_EQ(labels({.min = 0, .max = 1}, 5), (Labels{"0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(labels({.min = -7, .max = 12}, 4), (Labels{"-5", "0", "5", "10"}));
  EXPECT_EQ(labels({.min = 0, .max = 3e6}, 3), (Labels{"0", "1e+06", "2e+06", "3e+06"}));
}

TEST(Ticks, of_a_log_axis_are_powers_of_ten) {
  EXPECT_EQ(labels({.log = true, .min = 0.01, .max = 100}, 6), (Labels{"0.01", "0.1", "1", "10", "100"}));
  EXPECT_EQ(labels({.log = true, .min = 1e-8, .max = 1}, 5), (Labels{"10^-8", "10^-6", "10^-4", "0.01", "1"}));
  EXPECT_EQ(labels({.log = true, .min = 1, .max = 10}, 5), (Labels{"1", "2", "5", "10"}));
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Chart chart_of(const std::vector<ChartPoint>& points, bool log = false) {
  Panel panel{.title = "p", .x = {.min = 0, .max = 10}, .y = {.log = log, .min = log ? 1 : 0, .max = 100}};
  panel.series.push_back({.points = points});
  return {.panels = {panel}};
}

std::string at(const Chart& chart, double across, double up) {
  const Box area = plot_areas(chart)[0];
  return fmt::format("{:.6g},{:.6g}", area.left + across * area.width, area.bottom() - up * area.height);
}

TEST(Svg, puts_points_where_they_belong) {
  const Chart linear = chart_of({{0, 0}, {5, 25}, {10, 100}});
  EXPECT_TRUE(has(as_svg(linear),
                  fmt::format("points=\"{} {} {}\"", at(linear, 0, 0), at(linear, 0.5, 0.25), at(linear, 1, 1))))
      << as_svg(linear);
  const Chart log = chart_of({{0, 1}, {5, 10}, {10, 100}}, true);
  EXPECT_TRUE(has(as_svg(log), at(log, 0.5, 0.5)));
}

// A single tick shows no scale.
TEST(Ticks, are_two_at_least) {
  for (const double low : {-3.0, -1.4, -1.0, -0.3, 0.0, 0.7, 999.0}) {
    for (const double length : {1e-3, 0.9, 1.1, 2.1, 2.4, 2.9, 4.5, 9.9, 1e6}) {
      for (const int wanted : {1, 2, 3, 5}) {
        EXPECT_GE(labels({.min = low, .max = low + length}, wanted).size(), 2u)
            << low << " " << length << " " << wanted;
      }
    }
  }
  for (int first = -9; first < 9; ++first) {
    for (int last = first + 1; last < 10; ++last) {
      const Axis axis{.log = true, .min = std::pow(10, first), .max = std::pow(10, last)};
      for (const int wanted : {2, 3}) EXPECT_GE(labels(axis, wanted).size(), 2u) << first << " " << last;
    }
  }
}

TEST(Svg, breaks_and_marks_what_has_no_place) {
  const Chart chart = chart_of({{0, 0}, {2, 50}, {4, NAN}, {6, 50}, {8, 0}});
  const std::string svg = as_svg(chart);
  EXPECT_TRUE(has(svg, fmt::format("points=\"{} {}\"", at(chart, 0, 0), at(chart, 0.2, 0.5)))) << svg;
  EXPECT_TRUE(has(svg, fmt::format("points=\"{} {}\"", at(chart, 0.6, 0.5), at(chart, 0.8, 0))));
  EXPECT_TRUE(has(svg, "stroke-width=\"1.6\""));
  EXPECT_FALSE(has(svg, "nan"));
  EXPECT_FALSE(has(as_svg(chart_of({{0, 0}, {2, 50}})), "stroke-width=\"1.6\""));
}

// The y coordinates of the lines that crosses are made of.
std::vector<double> crosses(const std::string& svg) {
  std::vector<double> heights;
  static const std::regex line("points=\"([-0-9.]+),([-0-9.]+) [-0-9.]+,([-0-9.]+)\"[^>]*stroke-width=\"1.6\"");
  for (std::sregex_iterator i(svg.begin(), svg.end(), line), end; i != end; ++i) {
    heights.push_back(std::stod((*i)[2]));
    heights.push_back(std::stod((*i)[3]));
  }
  return heights;
}

TEST(Svg, marks_cover_no_curve_and_the_legend_names_them) {
  Chart chart = chart_of({{0, 100}, {2, NAN}, {4, 100}});
  Panel& panel = chart.panels[0];
  panel.series[0].name = "a";
  panel.series.push_back({.name = "b", .points = {{0, 0}, {2, NAN}, {4, INFINITY}, {6, 120}}});
  panel.series.push_back({.name = "c", .points = {{0, 0}, {2, -INFINITY}, {6, -1}}});
  const std::string svg = as_svg(chart);
  const Box area = plot_areas(chart)[0];
  const auto heights = crosses(svg);
  EXPECT_GE(heights.size(), 2 * 2 * 6u);  // the legend's, too
  for (const double y : heights) EXPECT_TRUE(y < area.top || y > area.bottom()) << y;
  for (const char* text : {">a: NaN<", ">b: NaN or above 100 or infinite<", ">c: -infinite or below 0<"}) {
    EXPECT_TRUE(has(svg, text)) << svg;
  }
  // On a logarithmic axis.
  Chart log = chart_of({{0, 1}, {2, 0}, {4, 10}}, true);
  log.panels[0].series[0].name = "a";
  EXPECT_TRUE(has(as_svg(log), ">a: zero or less<"));
  for (const double y : crosses(as_svg(log)))
    EXPECT_NE(y, std::clamp(y, plot_areas(log)[0].top, plot_areas(log)[0].bottom()));
}

// By series: what follows stroke-dasharray, "" for a solid line.
std::vector<std::string> dashes(const Chart& chart) {
  std::vector<std::string> all;
  const std::string svg = as_svg(chart);
  static const std::regex line(
      "<polyline [^>]*stroke=\"([^\"]*)\"[^>]*stroke-width=\"1.8\"( stroke-dasharray=\"([^\"]*)\")?");
  for (std::sregex_iterator i(svg.begin(), svg.end(), line), end; i != end; ++i) all.push_back((*i)[3]);
  return all;
}

TEST(Svg, lines_that_coincide_are_dashed_in_turns) {
  Chart chart = chart_of({});
  Panel& panel = chart.panels[0];
  panel.series.clear();
  const auto add = [&](std::vector<ChartPoint> points, bool dashed = false) {
    panel.series.push_back({.points = std::move(points), .dashed = dashed});
  };
  add({{0, 10}, {5, 20}, {10, 10}});
  add({{0, 90}, {10, 90}});
  add({{0, 10}, {2.5, 15}, {10, 10}});  // a different line from x = 5 on
  add({{0, 10}, {5, 20.1}, {10, 10}});
  EXPECT_EQ(dashes(chart), (std::vector<std::string>{"", "", "28 10", "14 20"}));
  // Dashed ones take turns, too.
  panel.series.clear();
  add({{0, 10}, {10, 20}}, true);
  add({{0, 10}, {10, 20}}, true);
  EXPECT_EQ(dashes(chart), (std::vector<std::string>{"6 4 6 4", "6 14"}));
  // A line that crosses another one does not lie on it.
  panel.series.clear();
  add({{0, 0}, {10, 100}});
  add({{0, 100}, {10, 0}});
  EXPECT_EQ(dashes(chart), (std::vector<std::string>{"", ""}));
}

TEST(Svg, no_two_of_many_series_look_alike) {
  Chart chart = chart_of({});
  Panel& panel = chart.panels[0];
  panel.series.clear();
  for (int i = 0; i < 20; ++i) {
    for (const bool dashed : {false, true}) {
      panel.series.push_back({.points = {{0, 4.0 * i}, {10, 4.0 * i + 2}},
                              .colour = palette(static_cast<size_t>(i)),
                              .round = static_cast<size_t>(i) / kPaletteSize,
                              .dashed = dashed});
      panel.series.back().points[1].y += dashed ? 20 : 0;
    }
  }
  std::set<std::string> looks;
  const std::string svg = as_svg(chart);
  static const std::regex line("<polyline [^>]*stroke=\"([^\"]*)\" stroke-width=\"1.8\"([^>]*)");
  for (std::sregex_iterator i(svg.begin(), svg.end(), line), end; i != end; ++i)
    looks.insert((*i)[1].str() + (*i)[2].str());
  EXPECT_EQ(looks.size(), 40u);
  // And where no colour is named.
  for (Series& series : panel.series) series.colour.reset(), series.round.reset(), series.dashed = false;
  EXPECT_EQ(std::ranges::count(dashes(chart), ""), 8);
}

// Tags close in order, and no text holds a bare < or &.
TEST(Svg, is_well_formed_whatever_the_names_are) {
  Chart chart = chart_of({{0, 1}, {1, 2}});
  chart.title = "a < b & \"c\" > \x01 \xFF d";
  chart.panels[0].series[0].name = "</text>";
  const std::string svg = as_svg(chart);
  std::vector<std::string> open;
  for (size_t i = 0; i < svg.size(); ++i) {
    if (svg[i] == '&') {
      const std::string entity = svg.substr(i, svg.find(';', i) - i + 1);
      EXPECT_TRUE(entity == "&amp;" || entity == "&lt;" || entity == "&gt;" || entity == "&quot;") << entity;
    }
    if (svg[i] != '<') continue;
    const size_t end = svg.find('>', i);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = svg.substr(i + 1, end - i - 1);
    EXPECT_EQ(std::count(tag.begin(), tag.end(), '"') % 2, 0) << tag;
    if (tag[0] == '/') {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), tag.substr(1));
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
    i = end;
  }
  EXPECT_TRUE(open.empty());
  EXPECT_TRUE(has(svg, "a &lt; b &amp; &quot;c&quot; &gt; ? ? d")) << svg.substr(0, 500);
}

// Values that doubles hardly distinguish, or whose differences and quotients overflow.
TEST(Chart, draws_any_values) {
  const std::vector<double> values = {0,      1,        9007199254740992.0, 1e17,  1e17 + 16, -1e17,
                                      1e300,  1.7e308,  -1.7e308,           1e-17, 5e-324,    -5e-324,
                                      1e-310, INFINITY, -INFINITY,          NAN};
  for (const double x : values) {
    for (const double y : values) {
      for (const bool log : {false, true}) {
        Panel panel{.x = {.log = log}, .y = {.log = log}};
        panel.series.push_back({.points = {{x, y}, {y, x}, {x, x}}, .dots = true});
        const std::string svg = as_svg({.panels = {panel}});
        EXPECT_LT(svg.size(), 30000u) << x << " " << y;
        EXPECT_FALSE(has(svg, "nan") || has(svg, "\"inf") || has(svg, ",inf")) << x << " " << y << " " << log << "\n"
                                                                               << svg;
      }
    }
  }
  EXPECT_LE(labels({.min = 9007199254740991.0, .max = 9007199254740993.0}, 5).size(), 5u);
}

TEST(Chart, refuses_ranges_without_sense) {
  Chart chart = chart_of({{0, 1}});
  chart.panels[0].y = {.log = true, .min = 0, .max = 1};
  EXPECT_EQ(message_of([&] { as_svg(chart); }), "y axis of \"p\": a range from 0 to 1 makes no logarithmic sense");
  EXPECT_EQ(message_of([&] { write_chart("x.gif", chart); }), "x.gif: charts are written as .svg or .png");
}

}  // namespace
}  // namespace crema

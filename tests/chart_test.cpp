// Charts: ticks, and where the SVG puts what.
#include "chart.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

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

TEST(Svg, breaks_and_marks_what_has_no_place) {
  const Chart chart = chart_of({{0, 0}, {2, 50}, {4, NAN}, {6, 50}, {8, 0}});
  const std::string svg = as_svg(chart);
  EXPECT_TRUE(has(svg, fmt::format("points=\"{} {}\"", at(chart, 0, 0), at(chart, 0.2, 0.5)))) << svg;
  EXPECT_TRUE(has(svg, fmt::format("points=\"{} {}\"", at(chart, 0.6, 0.5), at(chart, 0.8, 0))));
  EXPECT_TRUE(has(svg, "stroke-width=\"1.6\""));
  EXPECT_FALSE(has(svg, "nan"));
  EXPECT_FALSE(has(as_svg(chart_of({{0, 0}, {2, 50}})), "stroke-width=\"1.6\""));
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

TEST(Chart, refuses_ranges_without_sense) {
  Chart chart = chart_of({{0, 1}});
  chart.panels[0].y = {.log = true, .min = 0, .max = 1};
  EXPECT_EQ(message_of([&] { as_svg(chart); }), "y axis of \"p\": a range from 0 to 1 makes no logarithmic sense");
  EXPECT_EQ(message_of([&] { write_chart("x.gif", chart); }), "x.gif: charts are written as .svg or .png");
}

}  // namespace
}  // namespace crema

#include "quadratic.h"

#include <cmath>
#include <memory>

#include "solvers/optimizer.h"
#include "study.h"

namespace crema {
namespace {

constexpr double kSmall = 1, kLarge = 50, kPi = 3.14159265358979323846;
const double kCos = std::cos(kPi / 6), kSin = std::sin(kPi / 6);

// The coordinates along A's axes, and back.
Point turned(Point w) { return {kCos * w.x + kSin * w.y, -kSin * w.x + kCos * w.y}; }
Point turned_back(Point w) { return {kCos * w.x - kSin * w.y, kSin * w.x + kCos * w.y}; }

// A parameter of two elements that belongs to no net.
class TwoNumbers {
 public:
  explicit TwoNumbers(Point start) : parameter_(Shape{2}, FillerParameter(), true) {
    auto storage = std::make_shared<Parameter::Storage>();
    storage->data = Buffer(2);
    storage->diff = Buffer(2);
    parameter_.set_storage(std::move(storage));
    parameter_.mutable_data()[0] = static_cast<real>(start.x);
    parameter_.mutable_data()[1] = static_cast<real>(start.y);
    infos_.push_back({&parameter_, "w", 0, 1, 1});
  }
  TwoNumbers(const TwoNumbers&) = delete;
  TwoNumbers& operator=(const TwoNumbers&) = delete;

  Point point() const { return {parameter_.data()[0], parameter_.data()[1]}; }
  std::vector<NetParameterInfo>& infos() { return infos_; }
  void set_gradient(Point g) {
    parameter_.beta();  // marks the diff as written
    parameter_.mutable_diff()[0] = static_cast<real>(g.x);
    parameter_.mutable_diff()[1] = static_cast<real>(g.y);
  }

 private:
  Parameter parameter_;
  std::vector<NetParameterInfo> infos_;
};

double score(const std::vector<Point>& path) {
  double sum = 0;
  for (size_t i = 3 * path.size() / 4; i < path.size(); ++i) sum += std::log(std::max(distance(path[i]), 1e-30));
  return std::isfinite(sum) ? sum : INFINITY;
}

// The ellipse on which J has the given value.
Series contour(double value) {
  Series series{.colour = kGrey, .width = 1};
  for (int i = 0; i <= 120; ++i) {
    const double angle = 2 * kPi * i / 120;
    series.points.push_back(turned_back(
        {std::sqrt(2 * value / kSmall) * std::cos(angle), std::sqrt(2 * value / kLarge) * std::sin(angle)}));
  }
  return series;
}

struct Rule {
  const char* name;
  const char* text;
};
constexpr Rule kRules[] = {
    {"gradient descent", "type: 'SGD'"},
    {"momentum", "type: 'Momentum' momentum: 0.9"},
    {"momentum, corrected", "type: 'Momentum' momentum: 0.9 bias_correction: true"},
    {"Nesterov (Caffe's)", "type: 'Nesterov' momentum: 0.9"},
    {"Nesterov, averaged", "type: 'Nesterov' momentum: 0.9 averaged: true"},
    {"Adam", "type: 'Adam' momentum: 0.9 momentum2: 0.999"},
};
constexpr int kSteps = 150, kShown = 40;

struct Path {
  std::string name;
  std::vector<Point> points;
};

// The first steps over contours of J.
Panel plane(const Path& path, Colour colour) {
  Panel panel{.title = path.name, .equal_scales = true};
  for (const double value : {0.1, 1.0, 4.0, 12.0, 30.0, 60.0, 110.0}) panel.series.push_back(contour(value));
  const auto& all = path.points;
  const std::vector<Point> shown(all.begin(), all.begin() + std::min<long>(kShown + 1, std::ssize(all)));
  panel.series.push_back({.points = shown, .colour = colour, .width = 1.4, .dots = true, .dot_size = 4});
  return panel;
}

// All panels show the same part of the plane, with every path whole.
Chart planes(const std::vector<Path>& paths) {
  Chart chart{.title = fmt::format("The first {} steps", kShown), .columns = 4, .panel_height = 160};
  Point low = kStart, high = kStart;
  for (size_t i = 0; i < paths.size(); ++i) {
    chart.panels.push_back(plane(paths[i], palette(i)));
    for (const Point& p : chart.panels.back().series.back().points) {
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
  }
  constexpr double kRoom = 0.2;
  for (Panel& panel : chart.panels) {
    panel.x = {.min = low.x - kRoom, .max = high.x + kRoom};
    panel.y = {.min = low.y - kRoom, .max = high.y + kRoom};
  }
  return chart;
}

Series distances(const std::string& name, const std::vector<Point>& path) {
  Series series{.name = name};
  for (size_t i = 0; i < path.size(); ++i) series.points.push_back({static_cast<double>(i), distance(path[i])});
  return series;
}

}  // namespace

Point gradient(Point w) {
  const Point t = turned(w);
  return turned_back({kSmall * t.x, kLarge * t.y});
}

Point newton_step(Point w) {
  const Point g = turned(gradient(w)), step = turned_back({g.x / kSmall, g.y / kLarge});
  return {w.x - step.x, w.y - step.y};
}

double distance(Point a, Point b) { return std::hypot(a.x - b.x, a.y - b.y); }

std::vector<Point> descend(const std::string& rule, double rate, int steps) {
  TwoNumbers w(kStart);
  Optimizer optimizer(parse_solver("base_lr: 1 " + rule, "the rule"), w.infos());
  std::vector<Point> path{w.point()};
  for (int t = 0; t < steps; ++t) {
    optimizer.look_ahead(t, static_cast<float>(rate));
    w.set_gradient(gradient(w.point()));
    optimizer.update(t, static_cast<float>(rate));
    path.push_back(w.point());
  }
  return path;
}

double best_rate(const std::string& rule, int steps) {
  double best = 0, best_score = INFINITY;
  for (int i = -40; i <= 10; ++i) {
    const double rate = std::pow(10, i / 10.0), found = score(descend(rule, rate, steps));
    if (found >= best_score) continue;
    best = rate;
    best_score = found;
  }
  return best;
}

void quadratic_study() {
  std::vector<Path> paths;
  Table table{{"rule", "best rate", "first step / (rate x gradient)", "after 10 steps", "50", "150"}, {}};
  for (const Rule& rule : kRules) {
    const double rate = best_rate(rule.text, kSteps);
    const auto path = descend(rule.text, rate, kSteps);
    paths.push_back({rule.name, path});
    table.rows.push_back({rule.name, fmt::format("{:.2g}", rate),
                          fmt::format("{:.2g}", distance(path[1], path[0]) / (rate * distance(gradient(kStart)))),
                          fmt::format("{:.1e}", distance(path[10])), fmt::format("{:.1e}", distance(path[50])),
                          fmt::format("{:.1e}", distance(path[kSteps]))});
  }
  const Point reached = newton_step(kStart);
  paths.push_back({"Newton's method", {kStart, reached}});
  table.rows.push_back({"Newton's method", "-", "-", fmt::format("{:.0e} (1 step)", distance(reached)), "-", "-"});
  Panel panel{.title = "distance to the minimum", .x = {.label = "step"}, .y = {.log = true, .min = 1e-7}};
  for (const Path& path : paths) panel.series.push_back(distances(path.name, path.points));
  write_chart("studies/quadratic_paths.svg", planes(paths));
  publish("quadratic",
          {.title = "Update rules on a quadratic with curvatures 1 and 50", .panels = {panel}, .panel_height = 330},
          table);
}

}  // namespace crema

// crema plot: loss, other outputs and learning rate of one or several runs, from their metrics files.
#include <cmath>
#include <set>

#include "chart.h"
#include "commands.h"
#include "flags.h"
#include "metrics.h"
#include "units.h"

namespace crema {
namespace {

struct PlotFlags {
  std::vector<std::string> files;
  std::string output;
  int smooth = 1;
};

// More curves than these cannot be told apart.
constexpr size_t kMostElements = 50, kMostOutputs = 100;

// Replaces each point by the mean of the last `window` points. A value that is not finite stays as it is, and the mean
// starts again after it.
std::vector<ChartPoint> smoothed(const std::vector<ChartPoint>& points, int window) {
  const auto most = static_cast<size_t>(window);
  std::vector<ChartPoint> result;
  size_t begin = 0;
  double sum = 0;  // of the points from `first` to i
  for (size_t i = 0; i < points.size(); ++i) {
    result.push_back(points[i]);
    if (!std::isfinite(points[i].y)) {
      begin = i + 1;
      sum = 0;
      continue;
    }
    const size_t first = std::max(begin, i + 1 >= most ? i + 1 - most : 0);
    sum += points[i].y;
    if (first > begin) sum -= points[first - 1].y;
    // Adding and subtracting leaves rounding errors, so the sum is computed afresh from time to time.
    if ((i + 1 - begin) % most == 0) {
      sum = 0;
      for (size_t k = first; k <= i; ++k) sum += points[k].y;
    }
    result.back().y = sum / static_cast<double>(i - first + 1);
  }
  return result;
}

// The curves of an output in test rows: one for each net and element.
using Curves = std::map<std::pair<int, size_t>, std::vector<ChartPoint>>;

Curves test_curves(const RunMetrics& run, const std::string& output) {
  Curves curves;
  for (const MetricsRow& row : run.test) {
    const auto found = row.outputs.find(output);
    if (found == row.outputs.end()) continue;
    for (size_t i = 0; i < std::min(kMostElements, found->second.size()); ++i) {
      curves[{row.net, i}].push_back({row.iteration, found->second[i]});
    }
  }
  return curves;
}

class Plot {
 public:
  Plot(const std::vector<RunMetrics>& runs, int smooth) : runs_(runs), smooth_(smooth) {}

  Chart chart() const {
    Chart chart{.title = runs_.size() == 1 ? runs_[0].name : ""};
    chart.panels.push_back(loss());
    std::set<std::string> names;
    for (const RunMetrics& run : runs_) {
      for (const MetricsRow& row : run.test) {
        for (const auto& [name, values] : row.outputs) names.insert(name);
      }
    }
    names.erase("loss");
    check(names.size() <= kMostOutputs, "the runs have {} outputs; {} can be drawn", names.size(), kMostOutputs);
    for (const std::string& name : names) {
      Panel panel{.title = name};
      for (size_t i = 0; i < runs_.size(); ++i) add_tests(i, name, "", &panel);
      chart.panels.push_back(panel);
    }
    chart.panels.push_back(rate());
    std::erase_if(chart.panels, [](const Panel& panel) { return panel.series.empty(); });
    check(!chart.panels.empty(), "the runs hold no losses, outputs or learning rates to plot");
    chart.panels.back().x.label = "iteration";
    share_iterations(&chart);
    chart.panel_height = 220;
    return chart;
  }

 private:
  // Panels above each other have the same x axis.
  static void share_iterations(Chart* chart) {
    double first = INFINITY, last = -INFINITY;
    for (const Panel& panel : chart->panels) {
      for (const Series& series : panel.series) {
        for (const ChartPoint& point : series.points) {
          if (std::abs(point.x) > 1e300) continue;  // has no place
          first = std::min(first, point.x);
          last = std::max(last, point.x);
        }
      }
    }
    if (first > last) first = last = 0;
    const double size = std::max(std::abs(first), std::abs(last));
    const double room = last - first > 1e-12 * size ? 0.02 * (last - first) : std::max(1.0, 1e-3 * size);
    for (Panel& panel : chart->panels) {
      panel.x.min = first - room;
      panel.x.max = last + room;
    }
  }

  Panel loss() const {
    Panel panel{.title = "loss"};
    for (size_t i = 0; i < runs_.size(); ++i) {
      std::vector<ChartPoint> train, total;
      for (const MetricsRow& row : runs_[i].train) train.push_back({row.iteration, row.loss});
      for (const MetricsRow& row : runs_[i].test) total.push_back({row.iteration, row.loss});
      if (!train.empty()) {
        panel.series.push_back({.name = label(i, "train"),
                                .points = smoothed(train, smooth_),
                                .colour = palette(i),
                                .round = i / kPaletteSize});
      }
      const auto known = [](const ChartPoint& point) { return !std::isnan(point.y); };
      if (!add_tests(i, "loss", "test", &panel) && std::any_of(total.begin(), total.end(), known)) {
        panel.series.push_back(test_series(i, label(i, "test"), total, 1));
      }
    }
    return panel;
  }

  Panel rate() const {
    Panel panel{.title = "learning rate"};
    for (size_t i = 0; i < runs_.size(); ++i) {
      std::vector<ChartPoint> points;
      for (const MetricsRow& row : runs_[i].train) points.push_back({row.iteration, row.rate});
      if (points.empty()) continue;
      panel.series.push_back({.name = label(i, ""), .points = points, .colour = palette(i), .round = i / kPaletteSize});
    }
    return panel;
  }

  // Returns whether there were any.
  bool add_tests(size_t i, const std::string& output, const std::string& what, Panel* panel) const {
    const Curves curves = test_curves(runs_[i], output);
    size_t curve = 0;
    for (const auto& [key, points] : curves) {
      std::string name = label(i, what);
      if (curves.rbegin()->first.first > 0) name += fmt::format("{}net {}", name.empty() ? "" : " ", key.first);
      if (curves.rbegin()->first.second > 0) name += fmt::format("{}[{}]", name.empty() ? output : "", key.second);
      panel->series.push_back(test_series(i, name, points, ++curve));
    }
    return !curves.empty();
  }

  // With one run, each curve has its own colour; the first colour is the train loss's. With several runs, each run has
  // its own colour.
  Series test_series(size_t i, const std::string& name, const std::vector<ChartPoint>& points, size_t curve) const {
    const size_t place = runs_.size() == 1 ? curve : i;
    return {.name = name,
            .points = points,
            .colour = palette(place),
            .round = place / kPaletteSize,
            .dashed = runs_.size() > 1,
            .dots = points.size() <= 60};
  }

  std::string label(size_t i, const std::string& what) const {
    if (runs_.size() == 1) return what;
    return what.empty() ? runs_[i].name : runs_[i].name + " " + what;
  }

  const std::vector<RunMetrics>& runs_;
  int smooth_;
};

void plot(const PlotFlags& flags) {
  std::vector<RunMetrics> runs;
  for (const std::string& path : flags.files) {
    for (const std::string& file : metrics_files(path)) {
      check_not_input(flags.output, file);
      runs.push_back(read_metrics(file));
    }
  }
  write_chart(flags.output, Plot(runs, flags.smooth).chart());
  fmt::print("Plot of {} {}: {}\n", runs.size(), runs.size() == 1 ? "run" : "runs", one_line(flags.output));
}

}  // namespace

void add_plot(CLI::App& app) {
  const auto flags = std::make_shared<PlotFlags>();
  CLI::App* command = app.add_subcommand("plot", "draw the losses, outputs and learning rates of one or several runs");
  command->add_option("RUNS", flags->files, "the runs' .metrics.jsonl files, or folders that hold some")
      ->required()
      ->check(kFileName);
  command->add_option("--output", flags->output, "the picture to write, .svg or .png")
      ->required()
      ->check(CLI::Validator(
          [](const std::string& name) {
            return name.ends_with(".svg") || name.ends_with(".png") ? "" : name + " ends neither in .svg nor in .png";
          },
          "FILE", "picture"));
  command->add_option("--smooth", flags->smooth, "draw the mean of so many train losses, 1 unless told")
      ->check(in_range(1, 1000000));
  command->footer("Example:\n  crema plot models/lenet/lenet.metrics.jsonl --output curves.svg --smooth 5");
  command->callback([flags] { plot(*flags); });
}

}  // namespace crema

// Dropout and weight decay against overfitting: a perceptron memorizes 500 images of MNIST.
#include <algorithm>
#include <cmath>

#include "solvers/evaluate.h"
#include "solvers/solver.h"
#include "study.h"

namespace crema {
namespace {

constexpr int kIterations = 1000, kEvery = 20;

// The train net, and two test nets: one on the training images (stage "seen"), one on other images.
std::string net_text(bool dropout) {
  const std::string drop = dropout ? R"(
layer { name: "drop1" type: "Dropout" bottom: "h1" top: "h1" dropout_param { dropout_ratio: 0.5 } })"
                                   : "";
  const std::string drop2 = dropout ? R"(
layer { name: "drop2" type: "Dropout" bottom: "h2" top: "h2" dropout_param { dropout_ratio: 0.5 } })"
                                    : "";
  return R"(name: "overfitting"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { scale: 0.00390625 } data_param { backend: IDX batch_size: 50 shuffle: true first_records: 500
    source: "data/mnist-10k/train-images-idx3-ubyte.gz" } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST stage: "seen" }
  transform_param { scale: 0.00390625 } data_param { backend: IDX batch_size: 100 first_records: 500
    source: "data/mnist-10k/train-images-idx3-ubyte.gz" } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST not_stage: "seen" }
  transform_param { scale: 0.00390625 } data_param { backend: IDX batch_size: 100
    source: "data/mnist-10k/t10k-images-idx3-ubyte.gz" } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "h1"
  inner_product_param { num_output: 300 weight_filler { type: "msra" } } }
layer { name: "relu1" type: "ReLU" bottom: "h1" top: "h1" })" +
         drop + R"(
layer { name: "ip2" type: "InnerProduct" bottom: "h1" top: "h2"
  inner_product_param { num_output: 300 weight_filler { type: "msra" } } }
layer { name: "relu2" type: "ReLU" bottom: "h2" top: "h2" })" +
         drop2 + R"(
layer { name: "ip3" type: "InnerProduct" bottom: "h2" top: "scores"
  inner_product_param { num_output: 10 weight_filler { type: "msra" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "scores" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "scores" bottom: "label" top: "loss" }
)";
}

struct Curves {
  std::vector<ChartPoint> seen_loss, loss, accuracy;
  double seen_accuracy = 0;
};

double score(const Evaluation& evaluation, const std::string& name) {
  for (const Score& s : evaluation.scores) {
    if (s.name == name) return s.value;
  }
  throw Error("the test net has no output \"{}\"", name);
}

Curves run(bool dropout, double decay) {
  const std::string text = fmt::format(
      "net_param {{ {} }} test_state {{ stage: 'seen' }} test_state {{ }} test_iter: 5 test_iter: 20 "
      "test_interval: 1000000 test_initialization: false type: 'Adam' momentum: 0.9 base_lr: 0.001 lr_policy: 'fixed' "
      "weight_decay: {} decoupled_decay: true max_iter: {} random_seed: 1 display: 0 metrics: false",
      net_text(dropout), decay, kIterations);
  Solver solver(parse_solver(text, "the study's solver"), quiet());
  Curves curves;
  while (solver.iteration() < kIterations) {
    solver.step(kEvery);
    const double t = solver.iteration();
    const auto seen = evaluate(solver.test_net(0), 5), others = evaluate(solver.test_net(1), 20);
    curves.seen_loss.push_back({t, score(*seen, "loss")});
    curves.loss.push_back({t, score(*others, "loss")});
    curves.accuracy.push_back({t, score(*others, "accuracy")});
    curves.seen_accuracy = score(*seen, "accuracy");
  }
  return curves;
}

}  // namespace

void overfitting_study() {
  const struct {
    const char* name;
    bool dropout;
    double decay;
  } variants[] = {{"none", false, 0}, {"dropout", true, 0}, {"decay", false, 0.5}, {"both", true, 0.5}};
  Panel seen{.title = "loss on the 500 images that are trained on", .x = {.label = "iteration"}, .y = {.log = true}};
  Panel others{.title = "loss on 2000 others", .x = {.label = "iteration"}};
  Panel accuracy{.title = "accuracy on them", .x = {.label = "iteration"}};
  Table table{{"against overfitting", "train loss", "train accuracy", "test loss", "lowest test loss", "test accuracy"},
              {}};
  for (const auto& variant : variants) {
    const Curves curves = run(variant.dropout, variant.decay);
    seen.series.push_back({.name = variant.name, .points = curves.seen_loss});
    others.series.push_back({.name = variant.name, .points = curves.loss});
    accuracy.series.push_back({.name = variant.name, .points = curves.accuracy});
    double lowest = INFINITY;
    for (const ChartPoint& point : curves.loss) lowest = std::min(lowest, point.y);
    table.rows.push_back({variant.name, fmt::format("{:.4f}", curves.seen_loss.back().y),
                          fmt::format("{:.1f} %", 100 * curves.seen_accuracy),
                          fmt::format("{:.3f}", curves.loss.back().y), fmt::format("{:.3f}", lowest),
                          fmt::format("{:.1f} %", 100 * curves.accuracy.back().y)});
  }
  publish("overfitting",
          {.title = "A perceptron on 500 images of MNIST", .panels = {seen, others, accuracy}, .panel_height = 200},
          table);
}

}  // namespace crema

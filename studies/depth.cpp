#include "depth.h"

#include <cmath>

#include "core/net.h"
#include "solvers/optimizer.h"
#include "study.h"

namespace crema {
namespace {

std::string net_text(const DepthOptions& o) {
  std::string text = R"(name: "deep"
layer { name: "data" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 }
  data_param { backend: IDX source: "data/mnist-10k/train-images-idx3-ubyte.gz" batch_size: 100 shuffle: true } }
layer { name: "flat" type: "Flatten" bottom: "data" top: "h0" }
)";
  long inputs = 28 * 28;
  for (int i = 1; i <= o.layers; ++i) {
    text += fmt::format(
        "layer {{ name: \"ip{0}\" type: \"InnerProduct\" bottom: \"h{1}\" top: \"h{0}\" inner_product_param {{ "
        "num_output: {2} weight_filler {{ type: \"gaussian\" std: {3} }} }} }}\n",
        i, i - 1, o.width, std::sqrt(o.variance / static_cast<double>(inputs)));
    if (!o.normalization.empty()) {
      text += fmt::format("layer {{ name: \"norm{0}\" {1} bottom: \"h{0}\" top: \"h{0}\" }}\n", i, o.normalization);
    }
    text += fmt::format("layer {{ name: \"relu{0}\" type: \"ReLU\" bottom: \"h{0}\" top: \"h{0}\" }}\n", i);
    inputs = o.width;
  }
  return text + fmt::format(R"(layer {{ name: "scores" type: "InnerProduct" bottom: "h{}" top: "scores"
  inner_product_param {{ num_output: 10 weight_filler {{ type: "gaussian" std: {} }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "scores" bottom: "label" top: "loss" }}
)",
                            o.layers, std::sqrt(o.variance / o.width));
}

double norm(const real* values, long count) {
  double sum = 0;
  for (long i = 0; i < count; ++i) sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return std::sqrt(sum);
}

// The norms after a forward and a backward pass.
Norms measure(Net& net, const DepthOptions& o) {
  Norms norms;
  for (int i = 1; i <= o.layers; ++i) {
    const Blob& h = net.value(fmt::format("h{}", i));
    double sum = 0;
    for (long n = 0; n < h.dim(0); ++n) sum += norm(h.data() + n * o.width, o.width);
    norms.activations.push_back(sum / static_cast<double>(h.dim(0)));
    const Parameter& weights = net.layer(net.layer_index(fmt::format("ip{}", i))).parameters()[0];
    norms.gradients.push_back(norm(weights.diff(), weights.count()));
  }
  return norms;
}

std::vector<ChartPoint> by_layer(const std::vector<double>& values) {
  std::vector<ChartPoint> points;
  for (size_t i = 0; i < values.size(); ++i) points.push_back({static_cast<double>(i + 1), values[i]});
  return points;
}

std::string cell(double value) { return std::isfinite(value) ? fmt::format("{:.1e}", value) : "NaN"; }

void study(const std::string& name, const std::string& title, const std::string& normalization) {
  Panel activations{.title = "norm of the activations", .x = {.label = "layer"}, .y = {.log = true}};
  Panel gradients{.title = "norm of the weights' gradient", .x = {.label = "layer"}, .y = {.log = true}};
  Panel losses{.title = "loss", .x = {.label = "iteration"}, .y = {.min = 0, .max = 5}};
  Table table{{"variance", "when", "activations, layer 1", "25", "50", "gradient, layer 1", "25", "50", "loss"}, {}};
  for (int k = 1; k <= 3; ++k) {
    const DepthOptions options{.variance = static_cast<double>(k), .normalization = normalization};
    const DepthResult result = train_deep(options);
    const Colour colour = palette(static_cast<size_t>(k - 1));
    const std::string label = fmt::format("{}/n", k);
    for (const bool after : {false, true}) {
      const Norms& n = after ? result.after : result.before;
      const std::string when = after ? "after" : "before";
      for (Panel* panel : {&activations, &gradients}) {
        panel->series.push_back({.name = fmt::format("{} {}", label, when),
                                 .points = by_layer(panel == &activations ? n.activations : n.gradients),
                                 .colour = colour,
                                 .dashed = after});
      }
      const double loss = after ? result.losses.back() : result.losses.front();
      table.rows.push_back({label, when, cell(n.activations[0]), cell(n.activations[24]), cell(n.activations[49]),
                            cell(n.gradients[0]), cell(n.gradients[24]), cell(n.gradients[49]),
                            std::isfinite(loss) ? fmt::format("{:.2f}", loss) : "NaN"});
    }
    losses.series.push_back({.name = label, .points = by_layer(result.losses), .colour = colour});
  }
  publish(name, {.title = title, .panels = {activations, gradients, losses}, .panel_height = 220}, table);
}

}  // namespace

DepthResult train_deep(const DepthOptions& options) {
  NetState state;
  state.set_phase(TRAIN);
  NetOptions net_options;
  for (int i = 1; i <= options.layers; ++i) net_options.keep.push_back(fmt::format("h{}", i));
  Net net(filter(parse_net(net_text(options), "the deep net"), state), net_options);
  Optimizer optimizer(parse_solver("base_lr: 1 type: 'SGD' momentum: 0.9", "the rule"), net.parameters());
  DepthResult result;
  for (int t = 0; t < options.iterations; ++t) {
    result.losses.push_back(static_cast<double>(net.forward()));
    net.backward();
    if (t == 0) result.before = measure(net, options);
    if (t + 1 == options.iterations) result.after = measure(net, options);
    optimizer.update(t, options.rate);
  }
  return result;
}

void depth_study() {
  study("depth", "50 layers of 100 ReLU units, weights of variance 1/n, 2/n, 3/n", "");
  study("depth_batchnorm", "50 layers of 100 ReLU units with BatchNorm, weights of variance 1/n, 2/n, 3/n",
        "type: 'BatchNorm'");
  // As with BatchNorm above, without learnable factors and offsets.
  study("depth_layernorm", "50 layers of 100 ReLU units with LayerNorm, weights of variance 1/n, 2/n, 3/n",
        "type: 'LayerNorm' layer_norm_param { scale_term: false bias_term: false }");
}

}  // namespace crema

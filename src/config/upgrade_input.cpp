#include <algorithm>
#include <set>

#include "base/error.h"
#include "config/upgrade.h"

namespace crema {
namespace {

constexpr int kLegacyAxes = 4;  // the number of axes of an input whose shape input_dim gives

// Shape i of the Input layer, from `input_dim`: four numbers for each input.
void add_legacy_shape(NetConfig& config, int i, LocatedLayer& input) {
  BlobShape& shape = *input.layer.mutable_input_param()->add_shape();
  for (int axis = 0; axis < kLegacyAxes; ++axis) {
    const int k = i * kLegacyAxes + axis;
    shape.add_dim(config.net.input_dim(k));
    input.source.set(fmt::format("input_param.shape[{}].dim[{}]", i, axis),
                     config.source.take(fmt::format("input_dim[{}]", k)).position);
  }
}

void check_counts(const NetConfig& config) {
  const NetParameter& net = config.net;
  const int inputs = net.input_size(), shapes = net.input_shape_size(), dims = net.input_dim_size();
  check(shapes == 0 || dims == 0, "{}: input_shape and input_dim are both set", config.source.at("input_dim"));
  check(shapes > 0 || dims > 0, "{}: input {} has no input_shape", config.source.at("input"),
        in_quotes(inputs > 0 ? net.input(0) : ""));
  check(shapes == 0 || shapes == inputs, "{}: {} input_shape for {} input", config.source.at("input_shape"), shapes,
        inputs);
  check(dims == 0 || dims == inputs * kLegacyAxes, "{}: {} values of input_dim for {} input, which take {} each",
        config.source.at("input_dim"), dims, inputs, kLegacyAxes);
}

// Whether layers provide the blobs that `input` names without a shape. As in Caffe: all are tops of layers, or there is
// an Input layer.
bool given_by_layers(const NetParameter& net) {
  std::set<std::string> tops;
  bool has_input_layer = false;
  for (const LayerParameter& layer : net.layer()) {
    tops.insert(layer.top().begin(), layer.top().end());
    has_input_layer = has_input_layer || layer.type() == "Input";
  }
  return has_input_layer || std::all_of(net.input().begin(), net.input().end(),
                                        [&](const std::string& name) { return tops.contains(name); });
}

}  // namespace

void upgrade_inputs(NetConfig& config) {
  NetParameter& net = config.net;
  const bool has_shape = net.input_shape_size() > 0 || net.input_dim_size() > 0;
  if (net.input_size() == 0 && !has_shape) return;
  const Position where = config.source.find("input");
  if (has_shape || (where.known() && !given_by_layers(net))) {
    check_counts(config);
    LocatedLayer input{{}, {config.source.file, where, {}}};
    input.layer.set_name("input");
    input.layer.set_type("Input");
    for (int i = 0; i < net.input_size(); ++i) {
      input.layer.add_top(net.input(i));
      config.source.move(fmt::format("input[{}]", i), input.source, fmt::format("top[{}]", i));
      if (net.input_dim_size() > 0) {
        add_legacy_shape(config, i, input);
      } else {
        *input.layer.mutable_input_param()->add_shape() = net.input_shape(i);
        config.source.move(fmt::format("input_shape[{}]", i), input.source, fmt::format("input_param.shape[{}]", i));
      }
    }
    net.add_layer()->Swap(&input.layer);
    for (int i = net.layer_size() - 1; i > 0; --i) net.mutable_layer()->SwapElements(i, i - 1);
    config.layers.insert(config.layers.begin(), std::move(input.source));
  }
  net.clear_input();
  net.clear_input_shape();
  net.clear_input_dim();
}

}  // namespace crema

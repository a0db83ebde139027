#include "config/upgrade.h"

#include <map>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "config/move_field.h"

namespace crema {
namespace {

// Takes the positions of each layer out of the net's.
std::vector<Source> take_each(Source& source, const char* field, int count) {
  std::vector<Source> taken;
  for (int i = 0; i < count; ++i) taken.push_back(source.take(fmt::format("{}[{}]", field, i)));
  return taken;
}

void upgrade_layers(NetConfig& config) {
  NetParameter& net = config.net;
  if (net.layers_size() == 0) {
    config.layers = take_each(config.source, "layer", net.layer_size());
    return;
  }
  check(net.layer_size() == 0, "{}: the net has both `layer` and, in an older format, `layers`",
        config.source.at("layer"));
  std::vector<Source> sources = take_each(config.source, "layers", net.layers_size());
  fold_padding_layers(net, sources);
  for (int i = 0; i < net.layers_size(); ++i) {
    LocatedLayer upgraded = upgrade_v1_layer(*net.mutable_layers(i), sources[i]);
    net.add_layer()->Swap(&upgraded.layer);
    config.layers.push_back(std::move(upgraded.source));
  }
  net.clear_layers();
}

// Data layers once had the transformer's fields in their own message. Caffe moves these fields only in old formats and
// ignores them in the current one, hence the warning.
void upgrade_transform(LayerParameter& layer, Source& source, bool current_format) {
  static const std::map<std::string, std::string> kMessages = {
      {"Data", "data_param"}, {"ImageData", "image_data_param"}, {"WindowData", "window_data_param"}};
  const auto found = kMessages.find(layer.type());
  if (found == kMessages.end()) return;
  for (const char* name : {"scale", "mean_file", "crop_size", "mirror"}) {
    const std::string old = fmt::format("{}.{}", found->second, name), place = fmt::format("transform_param.{}", name);
    if (move_field({layer, source}, old, {layer, source}, place) && current_format) {
      CREMA_WARN("{}: layer {} ({}): {} is read as {}; Caffe ignores it here", source.line_of(place),
                 in_quotes(layer.name()), layer.type(), old, place);
    }
  }
}

// A BatchNorm layer's parameters are its statistics, which its forward pass keeps. Files written for its first version
// state this in three `param`, with multipliers that Caffe always sets to 0.
void upgrade_batch_norm(LayerParameter& layer) {
  if (layer.type() != "BatchNorm" || layer.param_size() != 3) return;
  for (ParamSpec& param : *layer.mutable_param()) {
    param.set_lr_mult(0);
    param.set_decay_mult(0);
  }
}

}  // namespace

NetConfig upgrade(NetParameter net, Source source) {
  NetConfig config{std::move(net), std::move(source), {}};
  const bool current_format = config.net.layers_size() == 0;
  upgrade_layers(config);
  upgrade_inputs(config);
  for (int i = 0; i < config.net.layer_size(); ++i) {
    upgrade_transform(*config.net.mutable_layer(i), config.layers[i], current_format);
    upgrade_batch_norm(*config.net.mutable_layer(i));
  }
  return config;
}

}  // namespace crema

#include "core/layer.h"

#include "config/suggest.h"
#include "math/workspace.h"

namespace crema {

void Layer::takes(int bottom, Layout layout) {
  if (taken_.size() <= static_cast<size_t>(bottom)) taken_.resize(static_cast<size_t>(bottom) + 1, Layout::plain);
  taken_[bottom] = layout;
}

void Layer::elementwise(const Bottoms& bottom, const Tops& top, bool zero_to_zero) {
  const Blob& x = *bottom[0];
  const bool as_it_comes = zero_to_zero || x.storage() == x.count();
  const Layout layout = as_it_comes ? x.layout() : Layout::plain;
  takes(0, layout);
  top[0]->reshape(x.shape(), layout);
}

void Layer::declare_parameter(int index, const Shape& shape, const FillerParameter& filler, bool learns) {
  if (static_cast<size_t>(index) == parameters_.size()) {
    parameters_.emplace_back(shape, filler, learns);
    return;
  }
  const Shape& old = parameters_[index].shape();
  check(old == shape, "parameter {} has shape {}, and the bottom now asks for {}", index, old.str(), shape.str());
}

real* Layer::scratch(long count) {
  if (real* lent = lent_memory(count)) return lent;
  context_.scratch->grow(count);
  return context_.scratch->data();
}

namespace {

std::map<std::string, LayerType>& registry() {
  static std::map<std::string, LayerType> types;
  return types;
}

}  // namespace

const std::map<std::string, LayerType>& layer_types() { return registry(); }

void register_layer(const std::string& type, LayerType entry) { registry()[type] = std::move(entry); }

std::map<std::string, std::vector<std::string>> layer_params() {
  std::map<std::string, std::vector<std::string>> params;
  for (const auto& [type, entry] : layer_types()) params[type] = entry.params;
  return params;
}

std::unique_ptr<Layer> create_layer(const LayerParameter& config) {
  const auto found = registry().find(config.type());
  if (found != registry().end()) return found->second.create(config);
  throw Error("unknown layer type \"{}\"{}", config.type(), suggestion(config.type(), keys(registry())));
}

}  // namespace crema

// Knows every layer type through the installed package: creates each, or is told what its configuration lacks.
#include <core/layer.h>

int main() {
  for (const auto& [type, entry] : crema::layer_types()) {
    crema::LayerParameter config;
    config.set_type(type);
    try {
      fmt::print("{}: {} parameters\n", type, crema::create_layer(config)->parameters().size());
    } catch (const crema::Error& error) {
      fmt::print("{}: {}\n", type, error.what());
    }
  }
  fmt::print("{} layer types\n", crema::layer_types().size());
  return crema::layer_types().empty() ? 1 : 0;
}

// Knows every layer type through the installed package, and creates a layer of each.
#include <core/layer.h>
#include <google/protobuf/text_format.h>

// For the types that cannot do without settings.
const std::map<std::string, std::string> kSettings = {
    {"Convolution", "convolution_param { num_output: 1 kernel_size: 1 }"},
    {"Data", "data_param { source: 'none' batch_size: 1 }"},
    {"DummyData", "dummy_data_param { shape { dim: 1 } }"},
    {"HDF5Data", "hdf5_data_param { source: 'none' batch_size: 1 }"},
    {"InnerProduct", "inner_product_param { num_output: 1 }"},
    {"Input", "input_param { shape { dim: 1 } }"},
    {"Pooling", "pooling_param { kernel_size: 2 }"},
};

int main() {
  for (const auto& [type, entry] : crema::layer_types()) {
    crema::LayerParameter config;
    const auto settings = kSettings.find(type);
    if (settings != kSettings.end()) google::protobuf::TextFormat::ParseFromString(settings->second, &config);
    config.set_type(type);
    fmt::print("{}: {} parameters\n", type, crema::create_layer(config)->parameters().size());
  }
  fmt::print("{} layer types\n", crema::layer_types().size());
}

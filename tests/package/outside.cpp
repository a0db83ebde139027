// Knows every layer type through the installed package, and creates a layer of each.
#include <core/layer.h>
#include <google/protobuf/text_format.h>

// For the types that cannot do without settings.
const std::map<std::string, std::string> kSettings = {
    {"Clip", "clip_param { min: 0 max: 1 }"},
    {"Convolution", "convolution_param { num_output: 1 kernel_size: 1 }"},
    {"ConvolutionDepthwise", "convolution_param { kernel_size: 1 }"},
    {"Data", "data_param { source: 'none' batch_size: 1 }"},
    {"Deconvolution", "convolution_param { num_output: 1 kernel_size: 1 }"},
    {"DepthwiseConvolution", "convolution_param { num_output: 1 kernel_size: 1 }"},
    {"DummyData", "dummy_data_param { shape { dim: 1 } }"},
    {"Embed", "embed_param { num_output: 1 input_dim: 1 }"},
    {"HDF5Data", "hdf5_data_param { source: 'none' batch_size: 1 }"},
    {"HDF5Output", "hdf5_output_param { file_name: 'none' }"},
    {"Im2col", "convolution_param { kernel_size: 1 }"},
    {"ImageData", "image_data_param { source: 'none' }"},
    {"InnerProduct", "inner_product_param { num_output: 1 }"},
    {"Input", "input_param { shape { dim: 1 } }"},
    {"LSTM", "recurrent_param { num_output: 1 }"},
    {"MemoryData", "memory_data_param { batch_size: 1 channels: 1 height: 1 width: 1 }"},
    {"Pooling", "pooling_param { kernel_size: 2 }"},
    {"RNN", "recurrent_param { num_output: 1 }"},
    {"SPP", "spp_param { pyramid_height: 1 }"},
    {"Tile", "tile_param { tiles: 1 }"},
    {"WindowData", "window_data_param { source: 'none' batch_size: 1 } transform_param { crop_size: 1 }"},
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

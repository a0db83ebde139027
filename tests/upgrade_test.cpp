// Nets in Caffe's older formats become the same as their current text, and their layers keep their places.
#include <gtest/gtest.h>

#include "config/net_config.h"
#include "config/prototxt.h"

namespace crema {
namespace {

struct Upgrade {
  const char *name, *old, *now;
};

void PrintTo(const Upgrade& row, std::ostream* out) { *out << row.name; }

class Upgraded : public testing::TestWithParam<Upgrade> {};

TEST_P(Upgraded, IsTheCurrentText) {
  const NetConfig config = parse_net(GetParam().old, "old");
  NetParameter expected;
  parse_prototxt(GetParam().now, "now", expected);
  EXPECT_EQ(config.net.DebugString(), expected.DebugString());
  EXPECT_EQ(config.layers.size(), static_cast<size_t>(config.net.layer_size()));
}

const std::vector<Upgrade> kUpgrades = {
    {"CurrentStaysAsItIs",
     "name: 'n' force_backward: true state { phase: TRAIN } layer { name: 'a' type: 'ReLU' bottom: 'x' top: 'x' }",
     "name: 'n' force_backward: true state { phase: TRAIN } layer { name: 'a' type: 'ReLU' bottom: 'x' top: 'x' }"},
    {"InputDim",
     "name: 'n' input: 'a' input: 'b' input_dim: [1, 2, 3, 4, 5, 6, 7, 8] layer { name: 'c' } layer { name: 'd' }",
     "name: 'n' layer { name: 'input' type: 'Input' top: 'a' top: 'b' input_param { shape { dim: [1, 2, 3, 4] }"
     " shape { dim: [5, 6, 7, 8] } } } layer { name: 'c' } layer { name: 'd' }"},
    {"InputShape", "input: 'a' input: 'b' input_shape { dim: 3 } input_shape { dim: [5, 4, 3, 2, 1] }",
     "layer { name: 'input' type: 'Input' top: 'a' top: 'b' input_param { shape { dim: 3 }"
     " shape { dim: [5, 4, 3, 2, 1] } } }"},
    {"DataTransform",
     "layer { type: 'Data' data_param { source: 's' scale: 2 mean_file: 'm' crop_size: 3 mirror: true } }"
     "layer { type: 'ImageData' image_data_param { source: 's' crop_size: 3 } transform_param { mirror: true } }"
     "layer { type: 'WindowData' window_data_param { scale: 0.5 } }"
     "layer { type: 'ReLU' data_param { scale: 0.5 } }",
     "layer { type: 'Data' data_param { source: 's' }"
     " transform_param { scale: 2 mean_file: 'm' crop_size: 3 mirror: true } }"
     "layer { type: 'ImageData' image_data_param { source: 's' } transform_param { mirror: true crop_size: 3 } }"
     "layer { type: 'WindowData' window_data_param { } transform_param { scale: 0.5 } }"
     "layer { type: 'ReLU' data_param { scale: 0.5 } }"},
    {"BatchNorm",
     "layer { type: 'BatchNorm' param { lr_mult: 1 } param { name: 'v' decay_mult: 2 } param { } }"
     "layer { type: 'BatchNorm' param { lr_mult: 1 } param { lr_mult: 1 } }"
     "layer { type: 'Scale' param { lr_mult: 1 } param { lr_mult: 1 } param { lr_mult: 1 } }",
     "layer { type: 'BatchNorm' param { lr_mult: 0 decay_mult: 0 } param { name: 'v' lr_mult: 0 decay_mult: 0 }"
     " param { lr_mult: 0 decay_mult: 0 } }"
     "layer { type: 'BatchNorm' param { lr_mult: 1 } param { lr_mult: 1 } }"
     "layer { type: 'Scale' param { lr_mult: 1 } param { lr_mult: 1 } param { lr_mult: 1 } }"},
    {"V1Params",
     "name: 'n' layers { name: 'c' type: CONVOLUTION bottom: 'x' bottom: 'y' top: 'z' include { phase: TEST }"
     " exclude { min_level: 3 } blobs_lr: [1, 2] weight_decay: 0.5 param: 'w' param: '' param: 'u'"
     " blob_share_mode: [STRICT, PERMISSIVE] loss_weight: [1, 0] blobs { num: 1 data: [1, 2] } blobs { num: 2 }"
     " convolution_param { num_output: 3 kernel_size: [3, 5] weight_filler { type: 'xavier' } } }",
     "name: 'n' layer { name: 'c' type: 'Convolution' bottom: 'x' bottom: 'y' top: 'z' include { phase: TEST }"
     " exclude { min_level: 3 } param { name: 'w' share_mode: STRICT lr_mult: 1 decay_mult: 0.5 }"
     " param { name: '' share_mode: PERMISSIVE lr_mult: 2 } param { name: 'u' } loss_weight: [1, 0]"
     " blobs { num: 1 data: [1, 2] } blobs { num: 2 }"
     " convolution_param { num_output: 3 kernel_size: [3, 5] weight_filler { type: 'xavier' } } }"},
    {"V1DataAndInput",
     "input: 'a' input_dim: [1, 2, 3, 4]"
     " layers { type: DATA data_param { batch_size: 3 crop_size: 5 } transform_param { scale: 2 } }",
     "layer { name: 'input' type: 'Input' top: 'a' input_param { shape { dim: [1, 2, 3, 4] } } }"
     "layer { type: 'Data' data_param { batch_size: 3 } transform_param { scale: 2 crop_size: 5 } }"},
    {"V0Data",
     "layers { layer { name: 'd' type: 'data' source: 's' meanfile: 'm' batchsize: 4 cropsize: 5 mirror: true scale: "
     "0.1"
     " rand_skip: 6 } top: 'data' top: 'label' include { phase: TRAIN } }"
     "layers { layer { name: 'h' type: 'hdf5_data' source: 's' batchsize: 7 } top: 'x' }"
     "layers { layer { type: 'images' source: 's' batchsize: 1 rand_skip: 2 shuffle_images: true new_height: 3"
     " new_width: 4 } }"
     "layers { layer { type: 'window_data' source: 's' batchsize: 1 det_fg_threshold: 0.1 det_bg_threshold: 0.2"
     " det_fg_fraction: 0.3 det_context_pad: 4 det_crop_mode: 'square' } }",
     "layer { name: 'd' type: 'Data' top: 'data' top: 'label' include { phase: TRAIN } data_param { source: 's'"
     " batch_size: 4 rand_skip: 6 } transform_param { scale: 0.1 mirror: true crop_size: 5 mean_file: 'm' } }"
     "layer { name: 'h' type: 'HDF5Data' top: 'x' hdf5_data_param { source: 's' batch_size: 7 } }"
     "layer { type: 'ImageData' image_data_param { source: 's' batch_size: 1 rand_skip: 2 shuffle: true new_height: 3"
     " new_width: 4 } }"
     "layer { type: 'WindowData' window_data_param { source: 's' batch_size: 1 fg_threshold: 0.1 bg_threshold: 0.2"
     " fg_fraction: 0.3 context_pad: 4 crop_mode: 'square' } }"},
    {"V0Layers",
     "name: 'n' layers { layer { name: 'c' type: 'conv' num_output: 1 biasterm: false weight_filler { type: 'xavier' }"
     " bias_filler { value: 1 } pad: 2 kernelsize: 3 group: 4 stride: 5 blobs_lr: [1, 2] weight_decay: [3, 4]"
     " blobs { num: 1 } } bottom: 'a' top: 'b' }"
     "layers { layer { type: 'innerproduct' num_output: 6 biasterm: true weight_filler { } bias_filler { } } }"
     "layers { layer { type: 'pool' pad: 1 kernelsize: 2 stride: 3 pool: STOCHASTIC } }"
     "layers { layer { type: 'dropout' dropout_ratio: 0.25 } }"
     "layers { layer { type: 'lrn' local_size: 3 alpha: 0.1 beta: 0.2 k: 0.3 } }"
     "layers { layer { type: 'infogain_loss' source: 's' } }"
     "layers { layer { type: 'concat' concat_dim: 0 } }"
     "layers { layer { type: 'hdf5_output' hdf5_output_param { file_name: 'f' } } }",
     "name: 'n' layer { name: 'c' type: 'Convolution' bottom: 'a' top: 'b' param { lr_mult: 1 decay_mult: 3 }"
     " param { lr_mult: 2 decay_mult: 4 } blobs { num: 1 } convolution_param { num_output: 1 bias_term: false"
     " weight_filler { type: 'xavier' } bias_filler { value: 1 } pad: 2 kernel_size: 3 group: 4 stride: 5 } }"
     "layer { type: 'InnerProduct' inner_product_param { num_output: 6 bias_term: true weight_filler { } bias_filler { "
     "} } }"
     "layer { type: 'Pooling' pooling_param { pad: 1 kernel_size: 2 stride: 3 pool: STOCHASTIC } }"
     "layer { type: 'Dropout' dropout_param { dropout_ratio: 0.25 } }"
     "layer { type: 'LRN' lrn_param { local_size: 3 alpha: 0.1 beta: 0.2 k: 0.3 } }"
     "layer { type: 'InfogainLoss' infogain_loss_param { source: 's' } }"
     "layer { type: 'Concat' concat_param { concat_dim: 0 } }"
     "layer { type: 'HDF5Output' hdf5_output_param { file_name: 'f' } }"},
    {"V0Padding",
     "input: 'a' input_dim: [1, 1, 8, 8]"
     "layers { layer { name: 'p' type: 'padding' pad: 2 } bottom: 'a' top: 'pa' }"
     "layers { layer { name: 'c' type: 'conv' kernelsize: 5 } bottom: 'pa' top: 'b' }"
     "layers { layer { name: 'q' type: 'padding' pad: 1 } bottom: 'b' top: 'b2' }"
     "layers { layer { name: 's' type: 'pool' kernelsize: 3 } bottom: 'b2' top: 'e' }"
     "layers { layer { name: 'd' type: 'conv' kernelsize: 3 } bottom: 'b' top: 'f' }"
     "layers { layer { name: 'e' type: 'conv' } bottom: 'pa' top: 'pa' }"  // from here on no padding layer's blob
     "layers { layer { name: 'g' type: 'conv' } bottom: 'pa' top: 'h' }",
     "layer { name: 'input' type: 'Input' top: 'a' input_param { shape { dim: [1, 1, 8, 8] } } }"
     "layer { name: 'c' type: 'Convolution' bottom: 'a' top: 'b' convolution_param { kernel_size: 5 pad: 2 } }"
     "layer { name: 's' type: 'Pooling' bottom: 'b' top: 'e' pooling_param { kernel_size: 3 pad: 1 } }"
     "layer { name: 'd' type: 'Convolution' bottom: 'b' top: 'f' convolution_param { kernel_size: 3 } }"
     "layer { name: 'e' type: 'Convolution' bottom: 'a' top: 'pa' convolution_param { pad: 2 } }"
     "layer { name: 'g' type: 'Convolution' bottom: 'pa' top: 'h' }"},
};

INSTANTIATE_TEST_SUITE_P(Net, Upgraded, testing::ValuesIn(kUpgrades), [](const auto& row) { return row.param.name; });

// Every type of the older formats, with its current name.
TEST(Upgrade, Types) {
  const std::vector<std::pair<std::string, std::string>> v1 = {
      {"ABSVAL", "AbsVal"},
      {"ACCURACY", "Accuracy"},
      {"ARGMAX", "ArgMax"},
      {"BNLL", "BNLL"},
      {"CONCAT", "Concat"},
      {"CONTRASTIVE_LOSS", "ContrastiveLoss"},
      {"CONVOLUTION", "Convolution"},
      {"DATA", "Data"},
      {"DECONVOLUTION", "Deconvolution"},
      {"DROPOUT", "Dropout"},
      {"DUMMY_DATA", "DummyData"},
      {"ELTWISE", "Eltwise"},
      {"EUCLIDEAN_LOSS", "EuclideanLoss"},
      {"EXP", "Exp"},
      {"FLATTEN", "Flatten"},
      {"HDF5_DATA", "HDF5Data"},
      {"HDF5_OUTPUT", "HDF5Output"},
      {"HINGE_LOSS", "HingeLoss"},
      {"IM2COL", "Im2col"},
      {"IMAGE_DATA", "ImageData"},
      {"INFOGAIN_LOSS", "InfogainLoss"},
      {"INNER_PRODUCT", "InnerProduct"},
      {"LRN", "LRN"},
      {"MEMORY_DATA", "MemoryData"},
      {"MULTINOMIAL_LOGISTIC_LOSS", "MultinomialLogisticLoss"},
      {"MVN", "MVN"},
      {"NONE", ""},
      {"POOLING", "Pooling"},
      {"POWER", "Power"},
      {"RELU", "ReLU"},
      {"SIGMOID", "Sigmoid"},
      {"SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss"},
      {"SILENCE", "Silence"},
      {"SLICE", "Slice"},
      {"SOFTMAX", "Softmax"},
      {"SOFTMAX_LOSS", "SoftmaxWithLoss"},
      {"SPLIT", "Split"},
      {"TANH", "TanH"},
      {"THRESHOLD", "Threshold"},
      {"WINDOW_DATA", "WindowData"}};
  EXPECT_EQ(static_cast<int>(v1.size()), V1LayerParameter::LayerType_descriptor()->value_count());
  for (const auto& [old, type] : v1) {
    EXPECT_EQ(parse_net("layers { type: " + old + " }", "old").net.layer(0).type(), type);
  }
  const std::vector<std::pair<std::string, std::string>> v0 = {{"accuracy", "Accuracy"},
                                                               {"bnll", "BNLL"},
                                                               {"concat", "Concat"},
                                                               {"conv", "Convolution"},
                                                               {"data", "Data"},
                                                               {"dropout", "Dropout"},
                                                               {"euclidean_loss", "EuclideanLoss"},
                                                               {"flatten", "Flatten"},
                                                               {"hdf5_data", "HDF5Data"},
                                                               {"hdf5_output", "HDF5Output"},
                                                               {"im2col", "Im2col"},
                                                               {"images", "ImageData"},
                                                               {"infogain_loss", "InfogainLoss"},
                                                               {"innerproduct", "InnerProduct"},
                                                               {"lrn", "LRN"},
                                                               {"multinomial_logistic_loss", "MultinomialLogisticLoss"},
                                                               {"pool", "Pooling"},
                                                               {"relu", "ReLU"},
                                                               {"sigmoid", "Sigmoid"},
                                                               {"softmax", "Softmax"},
                                                               {"softmax_loss", "SoftmaxWithLoss"},
                                                               {"split", "Split"},
                                                               {"tanh", "TanH"},
                                                               {"window_data", "WindowData"}};
  for (const auto& [old, type] : v0) {
    EXPECT_EQ(parse_net("layers { layer { type: '" + old + "' } }", "old").net.layer(0).type(), type);
  }
}

// Each V1 field has a place in the current layer: no field is lost, and no field throws because it has no place.
TEST(Upgrade, EveryV1MessageHasItsPlace) {
  const auto* type = V1LayerParameter::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (!field->message_type() || field->name() == "layer") continue;
    NetParameter net;
    V1LayerParameter& layer = *net.add_layers();
    const auto& reflection = *layer.GetReflection();
    if (field->is_repeated()) {
      reflection.AddMessage(&layer, field);
    } else {
      reflection.MutableMessage(&layer, field);
    }
    const LayerParameter made = wrap(std::move(net)).net.layer(0);
    std::vector<const google::protobuf::FieldDescriptor*> set;
    made.GetReflection()->ListFields(made, &set);
    ASSERT_EQ(set.size(), 1u) << field->name();
    EXPECT_EQ(set[0]->name(), field->name());
    EXPECT_EQ(set[0]->message_type(), field->message_type());
  }
}

}  // namespace
}  // namespace crema

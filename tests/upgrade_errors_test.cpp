// Nets in Caffe's older formats: what is refused, what is warned of, and the places that layers report.
#include <gtest/gtest.h>

#include "config/net_config.h"
#include "support/messages.h"

namespace crema {
namespace {

TEST(OldNets, Errors) {
  const std::vector<std::pair<const char*, const char*>> rows = {
      {"layers { layer { name: 'x' type: 'cnov' } }",
       "f:1:28: layer \"x\" has unknown type \"cnov\"; did you mean \"conv\"?"},
      {"layers { layer { name: 'x' } }", "f:1: layer \"x\" has unknown type \"\""},
      {"layers {\n layer { name: 'x' type: 'pool'\n  group: 2 } }", "f:3:3: layer \"x\" (pool) has no field \"group\""},
      {"layers { layer { name: 'x' type: 'conv' new_num: 2 } }", "f:1:41: layer \"x\" (conv) has no field \"new_num\""},
      {"layers { layer { type: 'relu' source: 's' } }", "f:1:31: layer \"\" (relu) has no field \"source\""},
      {"layers { type: RELU layer { name: 'x' type: 'conv' } }",
       "f:1:10: layer \"x\" (conv) has a second type beside `layer`"},
      {"layers { name: 'y' layer { name: 'x' type: 'conv' } }", "f:1:10: name is given twice"},
      {"layers { layer { type: 'images' new_height: -1 } }", "f:1:33: image_data_param.new_height cannot be -1"},
      {"layers { layer { name: 'p' type: 'padding' pad: 1 stride: 2 } bottom: 'a' top: 'b' }",
       "f:1:51: layer \"p\" (padding) has no field \"stride\""},
      {"layers {\n layer { name: 'p' type: 'padding' } bottom: 'a' bottom: 'c' top: 'b' }",
       "f:1: layer \"p\" (padding) takes one bottom and one top, not 2 and 1"},
      {"layers { layer { type: 'padding' } bottom: 'a' top: 'b' }\nlayers { layer { name: 'r' type: 'relu' } bottom: "
       "'b' }",
       "f:2:43: layer \"r\" (relu) reads a padding layer, which only conv and pool can"},
      {"layers { layer { type: 'padding' } bottom: 'a' top: 'b' }\nlayers { layer { name: 'r' type: 'padding' } "
       "bottom: 'b' top: 'c' }",
       "f:2:46: layer \"r\" (padding) reads a padding layer, which only conv and pool can"},
      {"layers { layer { type: 'padding' } bottom: 'a' top: 'b' }\nlayers { layer { name: 'r' type: 'conv' } bottom: "
       "'b' bottom: 'c' }",
       "f:2:43: layer \"r\" (conv) takes one bottom, not 2"},
      {"layers { layer { type: 'padding' } bottom: 'a' top: 'b' }\nlayers { layer { name: 'r' type: 'conv' pad: 1 } "
       "bottom: 'b' }",
       "f:2:41: layer \"r\" (conv) has a pad and reads a padding layer"},
      {"layers { }\nlayer { }", "f:2:1: the net has both `layer` and, in an older format, `layers`"},
      {"layer { type: 'Data' data_param { scale: 1 } transform_param { scale: 1 } }",
       "f:1:35: data_param.scale and transform_param.scale mean the same and are both set"},
      {"name: 'n'\ninput: 'a'", "f:2:1: input \"a\" has no input_shape"},
      {"input: 'a'\nlayer { type: 'DummyData' top: 'b' }", "f:1:1: input \"a\" has no input_shape"},
      {"input: 'a'\ninput_dim: [1, 2, 3]", "f:2:13: 3 values of input_dim for 1 input, which take 4 each"},
      {"input: 'a'\ninput_shape { } input_shape { }", "f:2:1: 2 input_shape for 1 input"},
      {"input_dim: 1", "f:1:1: 1 values of input_dim for 0 input, which take 4 each"},
      {"input: 'a'\ninput_shape { }\ninput_dim: 1", "f:3:1: input_shape and input_dim are both set"},
  };
  for (const auto& [text, message] : rows) {
    EXPECT_EQ(message_of([text = text] { parse_net(text, "f"); }), message);
  }
}

// A binary file names inputs without shapes, and has no positions.
TEST(OldNets, BinaryNets) {
  NetParameter net;
  net.add_input("data");
  V1LayerParameter& layer = *net.add_layers();
  layer.set_type(V1LayerParameter::INNER_PRODUCT);
  layer.add_blobs()->add_data(1.5f);
  const float* numbers = layer.blobs(0).data().data();
  const NetConfig config = wrap(std::move(net), "w.caffemodel");
  EXPECT_EQ(config.net.input_size(), 0);
  ASSERT_EQ(config.net.layer_size(), 1);
  EXPECT_EQ(config.net.layer(0).type(), "InnerProduct");
  EXPECT_EQ(config.net.layer(0).blobs(0).data().data(), numbers) << "the weights were copied";
  EXPECT_EQ(config.layers.at(0).at("type"), "w.caffemodel");
}

TEST(OldNets, PlacesAreKept) {
  const NetConfig config = parse_net(
      "input: 'a' input: 'b'\n"
      "input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4\n"
      "input_dim: 5 input_dim: 6 input_dim: 7 input_dim: 8\n"
      "name: 'n'\n"
      "layers { layer { type: 'padding'\n"
      "  pad: 2 } bottom: 'a' top: 'pa' }\n"
      "layers { layer { name: 'c' type: 'conv'\n"
      "  kernelsize: 5\n"
      "  weight_filler { type: 'x' } blobs_lr: 1\n"
      "  blobs_lr: 2 } bottom: 'pa' }\n"
      "layers { type: DATA name: 'd' top: 'd1' top: 'd2'\n"
      "  data_param { source: 's'\n"
      "    crop_size: 4 } blobs_lr: [1,\n"
      "  2] }\n",
      "f");
  ASSERT_EQ(config.layers.size(), 3u);
  EXPECT_EQ(config.source.at("name"), "f:4:1");
  EXPECT_EQ(config.source.fields.size(), 1u);
  struct Row {
    size_t layer;
    const char *path, *place;
  };
  const std::vector<Row> rows = {{0, "type", "f:1"},
                                 {0, "top", "f:1:1"},
                                 {0, "top[1]", "f:1:12"},
                                 {0, "input_param.shape.dim[3]", "f:2:40"},
                                 {0, "input_param.shape[1].dim[2]", "f:3:27"},
                                 {1, "name", "f:7:18"},
                                 {1, "type", "f:7:28"},
                                 {1, "bottom", "f:10:17"},
                                 {1, "convolution_param.kernel_size", "f:8:3"},
                                 {1, "convolution_param.pad", "f:6:3"},
                                 {1, "convolution_param.weight_filler", "f:9:3"},
                                 {1, "convolution_param.weight_filler.type", "f:9:19"},
                                 {1, "param[0].lr_mult", "f:9:31"},
                                 {1, "param[1].lr_mult", "f:10:3"},
                                 {1, "convolution_param.stride", "f:7"},
                                 {2, "type", "f:11:10"},
                                 {2, "top", "f:11:31"},
                                 {2, "top[1]", "f:11:41"},
                                 {2, "data_param", "f:12:3"},
                                 {2, "data_param.source", "f:12:16"},
                                 {2, "data_param.crop_size", "f:12:3"},
                                 {2, "transform_param.crop_size", "f:13:5"},
                                 {2, "param[1].lr_mult", "f:14:3"}};
  for (const Row& row : rows)
    EXPECT_EQ(config.layers[row.layer].at(row.path), row.place) << row.layer << " " << row.path;
  EXPECT_EQ(config.layers[1].at(), "f:7");
}

// In the current format Caffe does not move these fields, and they have no effect.
TEST(OldNets, DataFieldsInTheCurrentFormatAreWarnedOf) {
  EXPECT_EQ(log_of([] { parse_net("layer { name: 'd' type: 'Data'\n data_param { mirror: true } }", "f"); }),
            "f:2: layer \"d\" (Data): data_param.mirror is read as transform_param.mirror; Caffe ignores it here\n");
  EXPECT_EQ(log_of([] { parse_net("layers { type: DATA data_param { mirror: true } }", "f"); }), "");
}

}  // namespace
}  // namespace crema

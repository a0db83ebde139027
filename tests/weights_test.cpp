// Models in Caffe's binary formats: written, read, and refused.
#include <fmt/format.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"
#include "core/weights.h"
#include "support/data_files.h"
#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

const std::string kNet = input_text("x", {2, 3}) + R"(
  layer { name: "a" type: "InnerProduct" bottom: "x" top: "a"
          inner_product_param { num_output: 4 weight_filler { type: "xavier" } bias_filler { value: 0.5 } } }
  layer { name: "b" type: "InnerProduct" bottom: "a" top: "b"
          inner_product_param { num_output: 2 bias_term: false weight_filler { type: "xavier" } } })";

std::unique_ptr<Net> seeded(uint64_t seed, const std::string& text = kNet) {
  NetOptions options;
  options.seed = seed;
  return net_of(text, options);
}

BlobProto blob(const std::vector<long>& dims, float value) {
  BlobProto proto;
  long count = 1;
  for (const long dim : dims) {
    proto.mutable_shape()->add_dim(dim);
    count *= dim;
  }
  for (long i = 0; i < count; ++i) proto.add_data(value);
  return proto;
}

ModelNet model_with(const std::string& layer, const std::vector<BlobProto>& blobs) {
  ModelNet model;
  model.add_layer()->set_name(layer);
  for (const BlobProto& one : blobs) *model.mutable_layer(0)->add_blobs() = one;
  return model;
}

TEST(Weights, a_model_that_was_written_reads_back_to_the_same_bits) {
  const TempFolder folder;
  const auto from = seeded(1), to = seeded(2);
  EXPECT_FALSE(same(see(*from), see(*to)));
  write_binary(folder / "m.caffemodel", to_model(*from, false));
  const LoadReport report = load_weights(folder / "m.caffemodel", to.get());
  EXPECT_EQ(report.layers, 2);
  EXPECT_TRUE(report.left.empty() && report.unused.empty());
  for (size_t p = 0; p < from->parameters().size(); ++p) {
    const Parameter &a = *from->parameters()[p].parameter, &b = *to->parameters()[p].parameter;
    EXPECT_EQ(std::vector<real>(a.data(), a.data() + a.count()), std::vector<real>(b.data(), b.data() + b.count()));
  }
}

TEST(Weights, a_layer_without_parameters_may_have_the_name_of_one_with_them) {
  for (const std::string order : {"before", "after"}) {
    const std::string relu = "layer { name: 'a' type: 'ReLU' bottom: '" +
                             std::string(order == "before" ? "x' top: 'y' }" : "ip' top: 'y' }");
    const std::string ip = "layer { name: 'a' type: 'InnerProduct' bottom: '" +
                           std::string(order == "before" ? "y" : "x") +
                           "' top: 'ip' inner_product_param { num_output: 2 weight_filler { type: 'xavier' } } }";
    const std::string text = input_text("x", {2, 3}) + (order == "before" ? relu + ip : ip + relu);
    const auto from = seeded(1, text), to = seeded(2, text);
    ModelNet model;
    ASSERT_TRUE(model.ParseFromString(to_model(*from, false).SerializeAsString()));
    EXPECT_EQ(load_weights(model, to.get()).layers, 1);
    EXPECT_EQ(to->parameters()[0].parameter->data()[0], from->parameters()[0].parameter->data()[0]);
  }
}

TEST(Weights, a_written_model_names_types_and_settings) {
  const NetParameter model = to_model(*seeded(1), false);
  EXPECT_EQ(model.layer(1).name(), "a");
  EXPECT_EQ(model.layer(1).type(), "InnerProduct");
  EXPECT_EQ(model.layer(1).inner_product_param().num_output(), 4u);
  EXPECT_EQ(model.layer(1).blobs(0).shape().dim_size(), 2);
  EXPECT_EQ(model.layer(1).blobs(0).diff_size(), 0);
}

TEST(Weights, layers_without_a_partner_are_told) {
  const auto net = seeded(1);
  ModelNet model = model_with("c", {blob({1}, 1)});
  *model.add_layer() = model_with("b", {blob({2, 4}, 7)}).layer(0);
  const uint64_t version = net->layer(2).parameters()[0].version();
  const LoadReport report = load_weights(model, net.get());
  EXPECT_EQ(report.layers, 1);
  EXPECT_EQ(report.left, std::vector<std::string>{"a"});
  EXPECT_EQ(report.unused, std::vector<std::string>{"c"});
  EXPECT_EQ(net->layer(2).parameters()[0].data()[5], 7);
  EXPECT_GT(net->layer(2).parameters()[0].version(), version);
}

TEST(Weights, a_partner_that_does_not_fit_is_refused_before_anything_is_copied) {
  const auto net = seeded(1);
  const Seen before = see(*net);
  const std::string rename = "give the layer a new name in the net to let it start afresh";
  const struct {
    std::vector<BlobProto> blobs;
    std::string message;
  } rows[] = {
      {{blob({4, 3}, 0)}, "layer \"a\" has 1 blobs, and in the net 2; give it a new name there to let it start afresh"},
      {{}, "layer \"a\" has 0 blobs, and in the net 2; give it a new name there to let it start afresh"},
      {{blob({4, 5}, 0), blob({4}, 0)}, "layer \"a\", blob 0: shape 4 5 where 4 3 is needed; " + rename},
      {{blob({1, 1, 4, 3}, 0), blob({4}, 0)}, "layer \"a\", blob 0: shape 1 1 4 3 where 4 3 is needed; " + rename},
      {{blob({4, 3}, 0), blob({-4}, 0)}, "layer \"a\", blob 1: shape -4 where 4 is needed; " + rename},
  };
  for (const auto& row : rows) {
    ModelNet model = model_with("b", {blob({2, 4}, 7)});
    *model.add_layer() = model_with("a", row.blobs).layer(0);
    EXPECT_EQ(message_of([&] { load_weights(model, net.get()); }), row.message);
  }
  EXPECT_TRUE(same(before, see(*net)));
}

TEST(Weights, the_number_of_values_must_be_the_shapes) {
  BlobProto proto = blob({2, 2}, 1);
  real values[4];
  proto.add_data(1);
  EXPECT_EQ(message_of([&] { from_proto(proto, {2, 2}, values); }), "5 values for shape 2 2");
  proto.add_double_data(1);
  EXPECT_EQ(message_of([&] { from_proto(proto, {2, 2}, values); }), "1 values for shape 2 2");
}

TEST(Weights, values_in_double_precision_are_read) {
  BlobProto proto;
  proto.mutable_shape()->add_dim(2);
  proto.add_double_data(0.25);
  proto.add_double_data(-3);
  real values[2];
  from_proto(proto, {2}, values);
  EXPECT_EQ(values[0], 0.25f);
  EXPECT_EQ(values[1], -3.0f);
}

BlobProto legacy(int n, int c, int h, int w) {
  BlobProto proto = blob({static_cast<long>(n) * c * h * w}, 2);
  proto.clear_shape();
  proto.set_num(n);
  proto.set_channels(c);
  proto.set_height(h);
  proto.set_width(w);
  return proto;
}

TEST(Weights, a_shape_of_the_old_four_axes_has_leading_ones) {
  std::vector<real> values(12);
  from_proto(legacy(1, 1, 4, 3), {4, 3}, values.data());
  EXPECT_EQ(values[11], 2);
  from_proto(legacy(1, 1, 1, 4), {4}, values.data());
  EXPECT_EQ(message_of([&] {
              from_proto(legacy(4, 3, 1, 1), {4, 3}, values.data());
            }),
            "shape 4 3 1 1 where 4 3 is needed");
  EXPECT_EQ(message_of([&] {
              from_proto(legacy(1, 1, 4, 3), {1, 1, 1, 4, 3}, values.data());
            }),
            "shape 1 1 4 3 where 1 1 1 4 3 is needed");
}

TEST(Weights, a_number_for_each_channel_has_any_axes_of_one) {
  std::vector<real> values(4);
  from_proto(blob({1, 4, 1, 1}, 3), {4}, values.data());
  EXPECT_EQ(values[0], 3);
  from_proto(blob({4}, 5), {1, 4, 1, 1}, values.data());
  EXPECT_EQ(values[3], 5);
  EXPECT_EQ(message_of([&] {
              from_proto(blob({1, 3, 1, 1}, 0), {4}, values.data());
            }),
            "shape 1 3 1 1 where 4 is needed");
}

TEST(Weights, models_of_the_old_formats_are_read) {
  const TempFolder folder;
  ModelNet old;
  ModelV1Layer* v1 = old.add_layers();
  v1->set_name("a");
  v1->set_type(V1LayerParameter::INNER_PRODUCT);
  *v1->add_blobs() = legacy(1, 1, 4, 3);
  *v1->add_blobs() = legacy(1, 1, 1, 4);
  ModelV0Layer* v0 = old.add_layers()->mutable_layer();
  v0->set_name("b");
  v0->set_type("innerproduct");
  *v0->add_blobs() = legacy(1, 1, 2, 4);
  write_binary(folder / "old.caffemodel", old);
  const ModelNet model = read_model(folder / "old.caffemodel");
  ASSERT_EQ(model.layer_size(), 2);
  EXPECT_EQ(model.layer(0).type(), "InnerProduct");
  EXPECT_EQ(model.layer(1).type(), "InnerProduct");
  const auto net = seeded(1);
  EXPECT_EQ(load_weights(model, net.get()).layers, 2);
  EXPECT_EQ(net->layer(2).parameters()[0].data()[7], 2);
}

TEST(Weights, what_is_no_model_is_refused_with_its_kind) {
  const TempFolder folder;
  const auto message = [&](const std::string& bytes) {
    const std::string path = folder.write("x", bytes), text = message_of([&] { read_model(path); });
    return text.substr(text.find(": ") + 2);
  };
  EXPECT_EQ(message(""), "not a binary model: it is empty");
  EXPECT_EQ(message("name: \"LeNet\"\nlayer {}\n"), "not a binary model: it is text");
  EXPECT_EQ(message("\x89HDF\r\n\x1a\n"), "not a binary model: it is an HDF5 file");
  const std::string whole = to_model(*seeded(1), false).SerializeAsString();
  EXPECT_EQ(message(whole.substr(0, whole.size() - 1)),
            "not a binary model: it is of another kind or a part of it is missing");
  EXPECT_EQ(message_of([&] { read_model(folder / "none"); }),
            (folder / "none") + ": cannot open: No such file or directory");
}

TEST(Weights, a_model_without_layers_loads_nothing) {
  const TempFolder folder;
  ModelNet model;
  model.set_name("empty");
  const std::string path = folder.write("m", model.SerializeAsString());
  const auto net = seeded(1);
  EXPECT_EQ(log_of([&] { EXPECT_EQ(load_weights(path, net.get()).layers, 0); }),
            path + " is a model without layers: nothing is loaded\n");
}

TEST(Weights, a_model_of_another_net_is_told) {
  const TempFolder folder;
  write_binary(folder / "m", model_with("other", {blob({4, 3}, 0)}));
  const auto net = seeded(1);
  EXPECT_EQ(log_of([&] { EXPECT_EQ(load_weights(folder / "m", net.get()).layers, 0); }),
            (folder / "m") + " has parameters for no layer of the net: layers are matched by name\n");
}

// --- values as bytes, in the fields of NVIDIA's Caffe ----------------------------------------------------------------

BlobProto raw(const std::vector<long>& dims, int type, const std::string& bytes) {
  BlobProto proto;
  for (const long dim : dims) proto.mutable_shape()->add_dim(dim);
  auto* fields = proto.GetReflection()->MutableUnknownFields(&proto);
  fields->AddVarint(10, static_cast<uint64_t>(type));
  fields->AddLengthDelimited(12, bytes);
  return proto;
}

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

TEST(Weights, raw_values_are_read) {
  const std::vector<float> expected = {1, -2, 65504, 0.333251953125f, 6.103515625e-05f, 5.9604645e-08f, -0.0f, 0.5f};
  const std::vector<uint16_t> halves = {0x3c00, 0xc000, 0x7bff, 0x3555, 0x0400, 0x0001, 0x8000, 0x3800};
  const std::vector<double> doubles(expected.begin(), expected.end());
  const Shape shape{2, 4};
  for (const BlobProto& proto :
       {raw({2, 4}, 0, bytes_of(doubles)), raw({2, 4}, 1, bytes_of(expected)), raw({2, 4}, 2, bytes_of(halves))}) {
    BlobProto copy;
    ASSERT_TRUE(copy.ParseFromString(proto.SerializeAsString()));
    std::vector<real> values(8);
    from_proto(copy, shape, values.data());
    EXPECT_EQ(values, std::vector<real>(expected.begin(), expected.end()));
    EXPECT_TRUE(std::signbit(values[6]));
  }
  std::vector<real> special(3);
  from_proto(raw({3}, 2, bytes_of(std::vector<uint16_t>{0x7c00, 0xfc00, 0x7e00})), Shape{3}, special.data());
  EXPECT_EQ(special[0], std::numeric_limits<real>::infinity());
  EXPECT_EQ(special[1], -std::numeric_limits<real>::infinity());
  EXPECT_TRUE(std::isnan(special[2]));
}

TEST(Weights, a_model_with_raw_values_loads) {
  const auto net = seeded(1);
  const std::string weights = bytes_of(std::vector<uint16_t>(12, 0x3c00)),
                    bias = bytes_of(std::vector<uint16_t>(4, 0x4000));
  ModelNet model, parsed;
  model = model_with("a", {raw({4, 3}, 2, weights), raw({4}, 2, bias)});
  ASSERT_TRUE(parsed.ParseFromString(model.SerializeAsString()));
  EXPECT_EQ(load_weights(parsed, net.get()).layers, 1);
  EXPECT_EQ(net->parameters()[0].parameter->data()[11], 1);
  EXPECT_EQ(net->parameters()[1].parameter->data()[3], 2);
}

TEST(Weights, malformed_raw_values_are_refused) {
  std::vector<real> values(4);
  const auto said = [&](int type, size_t size) {
    return message_of([&] { from_proto(raw({4}, type, std::string(size, 'x')), Shape{4}, values.data()); });
  };
  EXPECT_EQ(said(1, 16), "no error");
  EXPECT_EQ(said(1, 12), "3 values for shape 4");
  EXPECT_EQ(said(0, 16), "2 values for shape 4");
  EXPECT_EQ(said(2, 7), "raw_data of 7 bytes, which are no whole number of FLOAT16 values");
  EXPECT_EQ(said(3, 16), "raw_data of type INT; FLOAT, FLOAT16 and DOUBLE are read");
  EXPECT_EQ(said(9, 16), "raw_data of the unknown type 9");
  EXPECT_EQ(said(1, 0), "0 values for shape 4");
}

TEST(Weights, errors_name_the_file) {
  const TempFolder folder;
  write_binary(folder / "m", model_with("a", {blob({4, 3}, 0)}));
  const auto net = seeded(1);
  EXPECT_TRUE(
      message_of([&] { load_weights(folder / "m", net.get()); }).starts_with((folder / "m") + ": layer \"a\" has 1"));
}

}  // namespace
}  // namespace crema

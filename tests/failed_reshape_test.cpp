// The state of a net after a reshape or a run that failed, and of the nets that share its memory.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/layer.h"
#include "support/messages.h"
#include "support/nets.h"

// For builds with the address sanitizer: allocation must fail with an error here instead of ending the process.
extern "C" const char* __asan_default_options();  // NOLINT: the sanitizer's name
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

namespace crema {
namespace {

// y = x, or an Error where the test asks for it.
class Stumbling final : public Layer {
 public:
  static inline bool forward_fails = false, backward_fails = false;

  explicit Stumbling(const LayerParameter&) {}
  void reshape(const Bottoms& bottom, const Tops& top) override { top[0]->reshape(bottom[0]->shape()); }
  void forward(const Bottoms& bottom, const Tops& top) override {
    check(!forward_fails, "stumbles");
    std::copy_n(bottom[0]->data(), bottom[0]->count(), top[0]->mutable_data());
  }
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    check(!backward_fails, "stumbles");
    std::copy_n(top[0]->diff(), top[0]->count(), bottom[0]->mutable_diff());
  }
};

const RegisterLayer<Stumbling> registered("Stumbling");

Seen run_whole(Net& net) {
  for (const NetParameterInfo& info : net.parameters()) info.parameter->forget_diff();
  net.forward();
  net.backward();
  return see(net);
}

void fill_all(Net& net) {
  for (const std::string& name : net.inputs()) fill_input(net, name);
}

// An outer product: small inputs, and any number of elements between them and the loss.
const std::string kOuter =
    "force_backward: true " + input_text("a", {4, 1}) + input_text("b", {1, 3}) +
    "layer { name: 'bias' type: 'Bias' bottom: 'a' top: 'biased' bias_param { num_axes: 0 } }"
    "layer { name: 'outer' type: 'MatMul' bottom: 'biased' bottom: 'b' top: 'outer' }"
    "layer { name: 'square' type: 'Power' bottom: 'outer' top: 'square' power_param { power: 2 } }"
    "layer { name: 'sum' type: 'Reduction' bottom: 'square' top: 'sum' loss_weight: 1 }";
const std::map<std::string, Shape> kHuge = {{"a", Shape{1L << 20, 1}}, {"b", Shape{1, 1L << 21}}};

TEST(FailedReshape, ForWantOfMemoryChangesNothingForAnyPartner) {
  for (const bool plan : {true, false}) {
    NetOptions options;
    options.plan = plan;
    const auto train = net_of(kOuter, options);
    options.partner = train.get();
    options.backward = true;
    const auto test = net_of(kOuter, options, TEST);
    fill_all(*train);
    fill_all(*test);
    const Seen of_train = run_whole(*train), of_test = run_whole(*test);
    for (Net* net : {test.get(), train.get()}) {
      const std::string message = message_of([&] { net->reshape(kHuge); });
      EXPECT_NE(message.find("out of memory"), std::string::npos) << message;
      EXPECT_TRUE(same(run_whole(*train), of_train));
      EXPECT_TRUE(same(run_whole(*test), of_test));
    }
    // A partner in the middle of its pass can continue.
    train->forward();
    EXPECT_NE(message_of([&] { test->reshape(kHuge); }), "no error");
    train->backward();
    test->reshape({{"a", Shape{500, 1}}});
    fill_all(*test);
    test->forward();
    EXPECT_TRUE(same(run_whole(*train), of_train));
  }
}

TEST(FailedReshape, IsAllOrNothing) {
  const auto net = net_of(kOuter);
  fill_all(*net);
  const Seen expected = run_whole(*net);
  EXPECT_EQ(message_of([&] {
              net->reshape({{"a", Shape{8, 1}}, {"nobody", Shape{2}}});
            }),
            "\"nobody\" is not the top of an Input layer");
  EXPECT_EQ(net->input("a").shape().str(), "4 1");
  EXPECT_TRUE(same(run_whole(*net), expected));
  // The shape of "a" fits, that of "b" does not.
  EXPECT_NE(message_of([&] { net->reshape({{"a", Shape{8, 1}}, {"b", Shape{2, 3}}}); }), "no error");
  EXPECT_EQ(net->input("a").shape().str(), "4 1");
  EXPECT_TRUE(same(run_whole(*net), expected));
  net->reshape({{"b", Shape{1, 5}}});
  EXPECT_EQ(net->input("a").shape().str(), "4 1");
  EXPECT_EQ(net->input("b").shape().str(), "1 5");
  net->reshape({{"b", Shape{1, 3}}});
  fill_all(*net);
  EXPECT_TRUE(same(run_whole(*net), expected));
}

// A layer that keeps things made for a shape makes them again for the old shape.
TEST(FailedReshape, GivesLayersTheirShapesBack) {
  const std::string classify =
      "layer { name: 'ip' type: 'InnerProduct' bottom: 'y' top: 'ip' inner_product_param { num_output: 2 "
      "weight_filler { type: 'xavier' } } }"
      "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 't' top: 'loss' }";
  for (const std::string layer :
       {"type: 'Convolution' convolution_param { num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: 'xavier' } "
        "}",
        "type: 'Deconvolution' convolution_param { num_output: 4 kernel_size: 2 weight_filler { type: 'xavier' } }",
        "type: 'Pooling' pooling_param { kernel_size: 3 stride: 2 }",
        "type: 'Pooling' pooling_param { kernel_size: 2 engine: CAFFE }", "type: 'BatchNorm'", "type: 'BN'",
        "type: 'SPP' spp_param { pyramid_height: 2 }", "type: 'Upsample'", "type: 'LRN'", "type: 'PReLU'",
        "type: 'Scale' scale_param { bias_term: true }", "type: 'GroupNorm' group_norm_param { group_num: 2 }",
        "type: 'Interp' interp_param { zoom_factor: 2 }", "type: 'Normalize'",
        "type: 'Permute' permute_param { order: 0 order: 2 }", "type: 'Tile' tile_param { tiles: 3 }",
        "type: 'Dropout'"}) {
    SCOPED_TRACE(layer);
    const std::string type = layer.substr(7, layer.find('\'', 7) - 7);
    for (const Engine engine : {Engine::plain, default_engine()}) {
      NetOptions options;
      options.engine = engine;
      const auto net = net_of("force_backward: true " + input_text("x", {2, 4, 6, 6}) + input_text("t", {2}) +
                                  "layer { name: 'L' bottom: 'x' top: 'y' " + layer + " }" + classify,
                              options);
      fill_input(*net, "x");
      set_input(*net, "t", {0, 1});
      net->set_passes(7);
      const Seen expected = run_whole(*net);
      for (const std::vector<long>& dims : {std::vector<long>{3, 4, 9, 9}, {1, 4, 3, 3}, {2, 4}, {2, 6, 6, 6}, {}}) {
        const std::map<std::string, Shape> inputs = {{"x", Shape(dims)}, {"t", Shape{dims.empty() ? 1 : dims[0]}}};
        if (message_of([&] { net->reshape(inputs); }) == "no error") {
          EXPECT_EQ(type, "SPP");  // its output has the same length for images of any size
          net->reshape({{"x", Shape{2, 4, 6, 6}}, {"t", Shape{2}}});
          fill_input(*net, "x");
          set_input(*net, "t", {0, 1});
        }
        EXPECT_EQ(net->input("x").shape().str(), "2 4 6 6");
        net->set_passes(7);
        const Seen seen = run_whole(*net);
        if (layer.find("BatchNorm") == std::string::npos && layer.find("'BN'") == std::string::npos) {
          EXPECT_TRUE(same(seen, expected)) << "after " << Shape(dims).str();
        } else {
          EXPECT_EQ(seen.at("output loss"), expected.at("output loss"));  // statistics have moved on
        }
      }
    }
  }
}

// A net in which the first layer after the beginning of a range throws.
TEST(FailedRun, StartsAnewAtTheFirstLayer) {
  const std::string text = "force_backward: true " + input_text("x", {3}) +
                           "layer { name: 'a' type: 'Power' bottom: 'x' top: 'a' power_param { scale: 2 } }"
                           "layer { name: 'b' type: 'Power' bottom: 'a' top: 'b' power_param { scale: 3 } }"
                           "layer { name: 'L' type: 'Stumbling' bottom: 'b' top: 'c' }"
                           "layer { name: 'd' type: 'Power' bottom: 'c' top: 'd' loss_weight: 1 }";
  const std::string refused =
      "no run has come to its end since the net was built, reshaped, or a run of it failed; start with forward()";
  for (const bool plan : {true, false}) {
    NetOptions options;
    options.plan = plan;
    const auto net = net_of(text, options);
    EXPECT_EQ(message_of([&] { net->forward(2, 4); }), refused);
    EXPECT_EQ(message_of([&] { net->backward(); }), refused);
    fill_all(*net);
    const Seen expected = run_whole(*net);

    net->forward(0, 1);
    Stumbling::forward_fails = true;
    EXPECT_NE(message_of([&] { net->forward(2, 4); }).find("stumbles"), std::string::npos);
    Stumbling::forward_fails = false;
    EXPECT_EQ(message_of([&] { net->forward(2, 4); }), refused);
    EXPECT_EQ(message_of([&] { net->backward(); }), refused);
    EXPECT_TRUE(same(run_whole(*net), expected));

    net->forward();
    Stumbling::backward_fails = true;
    EXPECT_NE(message_of([&] { net->backward(4, 2); }).find("stumbles"), std::string::npos);
    Stumbling::backward_fails = false;
    EXPECT_EQ(message_of([&] { net->backward(4, 2); }), refused);
    EXPECT_EQ(message_of([&] { net->backward(1, 0); }), refused);
    EXPECT_TRUE(same(run_whole(*net), expected));

    net->reshape({});
    EXPECT_EQ(message_of([&] { net->backward(); }), refused);
  }
}

}  // namespace
}  // namespace crema

// Bottoms that are read for their shape alone: layers below them may learn, but get no gradient from there.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

constexpr const char* kWeights = "weight_filler { type: 'xavier' }";

// Features `near` are cut to the size of upsampled ones, as in FCN-16s, and both are added up. `reference`: the bottom
// that gives the size.
std::string skip_net(const std::string& reference, const std::string& crop) {
  const std::string quiet = reference == "like" ? "" : "layer { name: 'quiet' type: 'Silence' bottom: 'like' }";
  return input_text("x", {1, 3, 12, 12}) + input_text("like", {1, 2, 10, 10}) + input_text("t", {1, 2, 10, 10}) +
         "layer { name: 'c1' type: 'Convolution' bottom: 'x' top: 'c1' convolution_param { num_output: 4 kernel_size: "
         "3 "
         "pad: 1 " +
         kWeights +
         " } }"
         "layer { name: 'p1' type: 'Pooling' bottom: 'c1' top: 'p1' pooling_param { kernel_size: 2 stride: 2 } }"
         "layer { name: 'c2' type: 'Convolution' bottom: 'p1' top: 'c2' convolution_param { num_output: 2 kernel_size: "
         "3 " +
         kWeights +
         " } }"
         "layer { name: 'up' type: 'Deconvolution' bottom: 'c2' top: 'up' convolution_param { num_output: 2 "
         "kernel_size: "
         "4 stride: 2 " +
         kWeights +
         " } }"
         "layer { name: 'near' type: 'Convolution' bottom: 'c1' top: 'near' convolution_param { num_output: 2 "
         "kernel_size: 1 " +
         kWeights + " } }" + "layer { name: 'cut' bottom: 'near' bottom: '" + reference + "' top: 'cut' " + crop +
         " }"
         "layer { name: 'sum' type: 'Eltwise' bottom: 'cut' bottom: 'up' top: 'sum' }"
         "layer { name: 'loss' type: 'EuclideanLoss' bottom: 'sum' bottom: 't' top: 'loss' }" +
         quiet;
}

Seen run(const std::string& text, const NetOptions& options = {}, Phase phase = TRAIN) {
  const auto net = net_of(text, options, phase);
  for (const std::string& name : net->inputs()) fill_input(*net, name);
  net->forward();
  if (net->has_backward()) net->backward();
  return see(*net);
}

const std::vector<std::string> kReaders = {"type: 'Crop' crop_param { axis: 2 offset: 1 }", "type: 'Interp'"};

TEST(References, MayLearn) {
  for (const std::string& reader : kReaders) {
    for (const bool plan : {true, false}) {
      SCOPED_TRACE(reader);
      NetOptions options;
      options.plan = plan;
      const Seen expected = run(skip_net("like", reader), options);
      EXPECT_TRUE(same(run(skip_net("up", reader), options), expected));
      EXPECT_FALSE(expected.at("diff of parameter c2/0").empty());
    }
    EXPECT_TRUE(same(run(skip_net("up", reader), {}, TEST), run(skip_net("like", reader), {}, TEST)));
  }
}

// If the gradient is asked for, it is zero, whatever else reads the blob.
TEST(References, HaveTheGradientZero) {
  for (const std::string& reader : kReaders) {
    for (const std::string down :
         {"propagate_down: true propagate_down: true", "propagate_down: false propagate_down: true"}) {
      const Seen seen = run(skip_net("like", reader + down));
      EXPECT_EQ(seen.at("diff of input like"), std::vector<real>(200, 0)) << reader << down;
    }
    const Seen forced = run("force_backward: true " + skip_net("like", reader));
    EXPECT_EQ(forced.at("diff of input like"), std::vector<real>(200, 0)) << reader;
    EXPECT_NE(forced.at("diff of input x"), std::vector<real>(432, 0)) << reader;
    const Seen expected = run(skip_net("up", reader));
    EXPECT_TRUE(same(run(skip_net("up", reader + " propagate_down: true propagate_down: true")), expected)) << reader;
  }
}

// A blob that is read only for its shape: the layer that made it gets the gradient zero if it is asked for, otherwise
// none.
TEST(References, MayBeReadByNobodyElse) {
  for (const std::string& reader : kReaders) {
    const std::string own =
        "layer { name: 'own' type: 'Convolution' bottom: 'x' top: 'own' convolution_param { "
        "num_output: 2 kernel_size: 3 weight_filler { type: 'xavier' } } }";
    for (const std::string down : {"", "propagate_down: true propagate_down: true"}) {
      std::string text = skip_net("own", reader + down);
      text.insert(text.find("layer { name: 'cut'"), own);
      Seen seen = run(text);
      const auto diff = seen.at("diff of parameter own/0");
      EXPECT_EQ(diff, down.empty() ? std::vector<real>() : std::vector<real>(54, 0)) << reader << down;
      const Seen expected = run(skip_net("like", reader));
      for (const char* name : {"output loss", "diff of parameter c1/0", "diff of parameter near/0"}) {
        EXPECT_EQ(seen.at(name), expected.at(name)) << reader << down;
      }
    }
  }
}

// Labels that are cut to the size of scores need no gradient, although the scores do.
TEST(References, CutLabelsAreLabels) {
  const auto net =
      net_of(input_text("x", {2, 3, 4, 4}) + input_text("t", {2, 1, 6, 6}) +
             "layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'c' convolution_param { num_output: 2 "
             "kernel_size: 1 weight_filler { type: 'xavier' } } }"
             "layer { name: 'cut' type: 'Crop' bottom: 't' bottom: 'c' top: 'cut' crop_param { offset: 1 } }"
             "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'c' bottom: 'cut' top: 'loss' }");
  fill_input(*net, "x");
  set_input(*net, "t", std::vector<float>(72, 1));
  net->forward();
  net->backward();
  EXPECT_FALSE(see(*net).at("diff of parameter c/0").empty());
}

// The values of labels and indices matter, so no layer below them may learn.
TEST(References, AreNoLabels) {
  const std::string learns = input_text("x", {2, 3}) +
                             "layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'ip' inner_product_param { "
                             "num_output: 1 } }"
                             "layer { name: 'index' type: 'Reshape' bottom: 'ip' top: 'index' reshape_param { shape { "
                             "dim: -1 } } }";
  for (const std::string layer : {"type: 'BatchReindex'", "type: 'Filter'"}) {
    const std::string message = message_of([&] {
      net_of(learns + "layer { name: 'L' bottom: 'x' bottom: 'index' top: 'y' " + layer + " loss_weight: 1 }");
    });
    EXPECT_NE(message.find("takes no gradient, but layers below it learn"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace crema

// What Net refuses: bad wiring, each with the exact message, file and line.
#include <gtest/gtest.h>

#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

// Lines 1 and 2 of every net below.
const std::string kInputs =
    "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 4 dim: 6 } } }\n"
    "layer { name: 'label' type: 'Input' top: 'label' input_param { shape { dim: 4 } } }\n";

struct BadNet {
  std::string name;
  std::string layers;  // from line 3 on
  std::string message;
};

void PrintTo(const BadNet& net, std::ostream* out) { *out << net.layers; }

const std::vector<BadNet> kBadNets = {
    {"unknown_type", "layer { name: 'act' type: 'RelU' bottom: 'data' top: 'y' }",
     "net.prototxt:3:21: layer \"act\" has unknown type \"RelU\"; did you mean \"ReLU\"?"},
    {"unknown_bottom", "layer { name: 'act' type: 'ReLU'\n bottom: 'dtaa' top: 'y' }",
     "net.prototxt:4: layer \"act\" (ReLU): bottom \"dtaa\" is not a top of any layer before it; did you mean "
     "\"data\"?"},
    {"bottom_of_a_later_layer",
     "layer { name: 'act' type: 'ReLU' bottom: 'z' top: 'y' }\nlayer { name: 'b' type: 'ReLU' bottom: 'data' top: 'z' "
     "}",
     "net.prototxt:3: layer \"act\" (ReLU): bottom \"z\" is not a top of any layer before it"},
    {"bottom_of_a_layer_that_is_left_out",
     "layer { name: 'a' type: 'ReLU' bottom: 'data' top: 'y' include { phase: TEST } }\n"
     "layer { name: 'b' type: 'ReLU' bottom: 'y' top: 'z' }",
     "net.prototxt:4: layer \"b\" (ReLU): bottom \"y\" is not a top of any layer before it; layer \"a\" "
     "(net.prototxt:3) makes it, but its include and exclude rules leave it out in phase TRAIN, level 0"},
    {"top_twice",
     "layer { name: 'a' type: 'ReLU' bottom: 'data' top: 'y' }\nlayer { name: 'b' type: 'TanH' bottom: 'data' top: 'y' "
     "}",
     "net.prototxt:4: layer \"b\" (TanH): top \"y\" is already a top of layer \"a\"; only a layer with it as its own "
     "bottom 0 may reuse the name"},
    {"in_place_at_another_index",
     "layer { name: 'a' type: 'ReLU' bottom: 'data' top: 'y' }\n"
     "layer { name: 'b' type: 'Eltwise' bottom: 'data' bottom: 'y' top: 'y' }",
     "net.prototxt:4: layer \"b\" (Eltwise): top \"y\" is already a top of layer \"a\"; only a layer with it as its "
     "own bottom 0 may reuse the name"},
    {"too_few_bottoms", "layer { name: 'sum' type: 'Eltwise' bottom: 'data' top: 'y' }",
     "net.prototxt:3: layer \"sum\" (Eltwise): takes 2 or more bottoms, and 1 is named"},
    {"too_many_bottoms", "layer { name: 'act' type: 'ReLU' bottom: 'data' bottom: 'label' top: 'y' }",
     "net.prototxt:3: layer \"act\" (ReLU): takes 1 bottom, and 2 are named"},
    {"too_many_tops",
     "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'data' bottom: 'label' top: 'a' top: 'b' top: 'c' }",
     "net.prototxt:3: layer \"loss\" (SoftmaxWithLoss): gives 0 to 2 tops, and 3 are named"},
    {"no_top", "layer { name: 'act' type: 'ReLU' bottom: 'data' }",
     "net.prototxt:3: layer \"act\" (ReLU): gives 1 top, and 0 are named"},
    {"loss_weights", "layer { name: 'act' type: 'ReLU' bottom: 'data' top: 'y' loss_weight: 1 loss_weight: 2 }",
     "net.prototxt:3: layer \"act\" (ReLU): has 2 loss_weight values for 1 tops; give one for each top or none"},
    {"propagate_downs",
     "layer { name: 'loss' type: 'EuclideanLoss' bottom: 'data' bottom: 'data'\n propagate_down: true }",
     "net.prototxt:4: layer \"loss\" (EuclideanLoss): has 1 propagate_down values for 2 bottoms; give one for each "
     "bottom or none"},
    {"gradient_into_a_label",
     "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param { num_output: 1 } }\n"
     "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'data'\n bottom: 'ip' top: 'loss' }",
     "net.prototxt:5: layer \"loss\" (SoftmaxWithLoss): bottom 1 (\"ip\") takes no gradient, but layers below it "
     "learn; say propagate_down: false for it"},
    {"gradient_asked_for_into_a_label",
     "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'data' bottom: 'label'\n propagate_down: true "
     "propagate_down: true }",
     "net.prototxt:4: layer \"loss\" (SoftmaxWithLoss): bottom 1 (\"label\") takes no gradient, but propagate_down is "
     "true for it; say propagate_down: false for it"},
    {"shape", "layer { name: 'loss' type: 'EuclideanLoss' bottom: 'data' bottom: 'label' }",
     "net.prototxt:3: layer \"loss\" (EuclideanLoss): bottoms 0 and 1 must have as many records of the same size; they "
     "are "
     "4 6 and 4 (bottom \"data\": 4 6, bottom \"label\": 4)"},
    {"configuration", "layer { name: 'act' type: 'ELU' bottom: 'data' top: 'y' elu_param { alpha: -1 } }",
     "net.prototxt:3: layer \"act\" (ELU): alpha is -1; it must not be negative"},
    {"param_entries", "layer { name: 'act' type: 'ReLU' bottom: 'data' top: 'y' param { lr_mult: 1 } }",
     "net.prototxt:3: layer \"act\" (ReLU): has 1 param entries, but 0 parameters"},
    {"shared_strictly",
     "layer { name: 'a' type: 'InnerProduct' bottom: 'data' top: 'y' param { name: 'w' } "
     "inner_product_param { num_output: 2 } }\n"
     "layer { name: 'b' type: 'InnerProduct' bottom: 'data' top: 'z' param { name: 'w' } "
     "inner_product_param { num_output: 2 transpose: true } }",
     "net.prototxt:4: layer \"b\" (InnerProduct): parameter 0 shares \"w\" with layer \"a\", where it has shape 2 6, "
     "and here 6 2; share_mode: PERMISSIVE allows that"},
    {"shared_permissively",
     "layer { name: 'a' type: 'InnerProduct' bottom: 'data' top: 'y' param { name: 'w' } "
     "inner_product_param { num_output: 2 } }\n"
     "layer { name: 'b' type: 'InnerProduct' bottom: 'data' top: 'z' param { name: 'w' share_mode: PERMISSIVE } "
     "inner_product_param { num_output: 3 } }",
     "net.prototxt:4: layer \"b\" (InnerProduct): parameter 0 shares \"w\" with layer \"a\", where it has shape 2 6, "
     "and here 3 6"},
    {"shared_with_two_rates",
     "layer { name: 'a' type: 'InnerProduct' bottom: 'data' top: 'y' param { name: 'w' lr_mult: 1 } "
     "inner_product_param { num_output: 2 } }\n"
     "layer { name: 'b' type: 'InnerProduct' bottom: 'data' top: 'z' param { name: 'w' lr_mult: 2 } "
     "inner_product_param { num_output: 2 } }",
     "net.prototxt:4: layer \"b\" (InnerProduct): parameter \"w\" has lr_mult 2 here, and 1 in a layer before it"},
    {"sharers_with_two_decays",
     "layer { name: 'a' type: 'InnerProduct' bottom: 'data' top: 'y' param { name: 'w' } "
     "inner_product_param { num_output: 2 } }\n"
     "layer { name: 'b' type: 'InnerProduct' bottom: 'data' top: 'z' param { name: 'w' decay_mult: 2 } "
     "inner_product_param { num_output: 2 } }\n"
     "layer { name: 'c' type: 'InnerProduct' bottom: 'data' top: 'u' param { name: 'w' decay_mult: 3 } "
     "inner_product_param { num_output: 2 } }",
     "net.prototxt:5: layer \"c\" (InnerProduct): parameter \"w\" has decay_mult 3 here, and 2 in a layer before it"},
    {"name_of_another_layer",
     "layer { name: 'a' type: 'InnerProduct' bottom: 'data' top: 'y' inner_product_param { num_output: 2 } }\n"
     "layer { name: 'a' type: 'ReLU' bottom: 'y' top: 'y' }\n"
     "layer { name: 'a' type: 'InnerProduct' bottom: 'y' top: 'z' inner_product_param { num_output: 2 } }",
     "net.prototxt:5: layer \"a\" (InnerProduct): has the name of the layer at net.prototxt:3; snapshots and test nets "
     "tell layers by their names: give it another"},
};

class BadNets : public testing::TestWithParam<BadNet> {};

TEST_P(BadNets, AreRefused) {
  EXPECT_EQ(message_of([&] { net_of(kInputs + GetParam().layers); }), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Rows, BadNets, testing::ValuesIn(kBadNets), [](const auto& info) { return info.param.name; });

// Errors when a net is used.
TEST(BadUse, OfNames) {
  const auto net = net_of(kInputs +
                          "layer { name: 'act' type: 'ReLU' bottom: 'data' top: 'hidden' }"
                          "layer { name: 'act2' type: 'ReLU' bottom: 'hidden' top: 'y' }");
  EXPECT_EQ(message_of([&] { net->input("dat"); }),
            "the net has no Input layer with top \"dat\"; did you mean \"data\"?");
  EXPECT_EQ(message_of([&] { net->value("hiden"); }), "the net has no blob \"hiden\"; did you mean \"hidden\"?");
  EXPECT_EQ(message_of([&] { net->value("hidden"); }),
            "blob \"hidden\" is not kept after forward: its memory serves later layers; name it in NetOptions::keep");
  EXPECT_EQ(message_of([&] { net->layer_index("act3"); }), "the net has no layer \"act3\"; did you mean \"act\"?");
  EXPECT_EQ(message_of([&] { net->output_diff("y"); }),
            "the diff of \"y\" is not set by the caller; name it in NetOptions::output_diffs");
  EXPECT_EQ(message_of([&] { net->reshape({{"hidden", Shape{1}}}); }), "\"hidden\" is not the top of an Input layer");
}

TEST(BadUse, OfOptions) {
  const std::string text = kInputs + "layer { name: 'act' type: 'ReLU' bottom: 'data' top: 'y' }";
  NetOptions options;
  options.keep = {"yy"};
  EXPECT_EQ(message_of([&] { net_of(text, options); }), "keep names \"yy\", which is no blob of the net");
  options.keep = {};
  options.output_diffs = {"daat"};
  EXPECT_EQ(message_of([&] { net_of(text, options); }),
            "output_diffs names \"daat\", which is no blob of the net; did you mean \"data\"?");
  options.output_diffs = {};
  options.backward = false;
  EXPECT_EQ(message_of([&] { net_of(text, options)->backward(); }),
            "the net was built for forward alone; NetOptions::backward asks for more");
}

TEST(BadUse, OfRanges) {
  const std::string text = "force_backward: true " + kInputs +
                           "layer { name: 'a' type: 'ReLU' bottom: 'data' top: 'a' }"
                           "layer { name: 'b' type: 'ReLU' bottom: 'a' top: 'b' }";
  NetOptions options;
  options.output_diffs = {"b"};
  const auto net = net_of(text, options);
  EXPECT_EQ(message_of([&] { net->forward(1, 4); }), "layers 1 to 4 are no range of the net's 4");
  EXPECT_EQ(message_of([&] { net->forward(3, 2); }), "layers 3 to 2 are no range of the net's 4");
  const std::string gone =
      "the memory plan has given what this range reads to other values: go on where the last run ended, or build the "
      "net "
      "with NetOptions::plan = false";
  net->forward();
  EXPECT_EQ(message_of([&] { net->forward(3, 3); }), gone);
  net->backward();
  EXPECT_EQ(message_of([&] { net->backward(2, 0); }), gone);
}

TEST(BadUse, EmptyNet) {
  EXPECT_EQ(message_of([] { net_of("layer { name: 'a' type: 'Silence' bottom: 'x' include { phase: TEST } }"); }),
            "net.prototxt: the net has no layers in phase TRAIN");
}

}  // namespace
}  // namespace crema

// Fields set from outside a text, as --set does: what they change, what they may not say, and where errors point to.
#include <gtest/gtest.h>

#include "config/override.h"
#include "solvers/build.h"
#include "solvers/check.h"
#include "support/messages.h"

namespace crema {
namespace {

constexpr const char* kNet = R"(name: "small"
layer { name: "data" type: "Data" top: "data" include { phase: TRAIN } data_param { source: "a" batch_size: 64 } }
layer { name: "data" type: "Data" top: "data" include { phase: TEST } data_param { source: "b" batch_size: 100 } }
layer { name: "conv/3x3.a" type: "Convolution" bottom: "data" top: "conv"
  param { lr_mult: 1 }
  convolution_param { num_output: 20 kernel_size: 5 pad: 1 pad: 2 } }
)";

NetConfig set_net(const std::vector<std::string>& settings) {
  return override_net(parse_net(kNet, "net.prototxt"), settings);
}

SolverConfig set_solver(const std::vector<std::string>& settings) {
  const std::string text = std::string("base_lr: 0.1\nlr_policy: 'fixed'\nmax_iter: 9\nstepvalue: 1 stepvalue: 2\n") +
                           "net_param {\n" + kNet + "}\n";
  return parse_solver(text, "solver.prototxt", settings);
}

TEST(Override, sets_values_of_a_solver) {
  const SolverParameter s = set_solver({"base_lr=0.02", "type=Adam", "snapshot_prefix=a \"b\"\\c", "solver_mode=CPU",
                                        "test_initialization=false", "random_seed=-5", "monitor="})
                                .solver;
  EXPECT_EQ(s.base_lr(), 0.02f);
  EXPECT_EQ(s.type(), "Adam");
  EXPECT_EQ(s.snapshot_prefix(), "a \"b\"\\c");
  EXPECT_EQ(s.solver_mode(), SolverParameter::CPU);
  EXPECT_FALSE(s.test_initialization());
  EXPECT_EQ(s.random_seed(), -5);
  EXPECT_TRUE(s.has_monitor());
  EXPECT_EQ(s.max_iter(), 9);
}

TEST(Override, sets_lists_and_their_elements) {
  const auto steps = [](const std::vector<std::string>& settings) {
    const SolverParameter s = set_solver(settings).solver;
    return std::vector<int>(s.stepvalue().begin(), s.stepvalue().end());
  };
  EXPECT_EQ(steps({"stepvalue=100,200,300"}), (std::vector{100, 200, 300}));
  EXPECT_EQ(steps({"stepvalue=[7, 8]"}), (std::vector{7, 8}));
  EXPECT_EQ(steps({"stepvalue="}), std::vector<int>());
  EXPECT_EQ(steps({"stepvalue[0]=5"}), (std::vector{5, 2}));
  EXPECT_EQ(steps({"stepvalue[1]=5", "stepvalue[2]=6"}), (std::vector{1, 5, 6}));
  const SolverParameter s = set_solver({"train_state.stage=a,b", "test_state[0].stage=c", "weights=x,y"}).solver;
  ASSERT_EQ(s.train_state().stage_size(), 2);
  EXPECT_EQ(s.train_state().stage(1), "b");
  EXPECT_EQ(s.test_state(0).stage(0), "c");
  EXPECT_EQ(s.weights_size(), 2);
}

TEST(Override, sets_fields_of_every_layer_of_a_name) {
  const NetConfig net = set_net({"layer[data].data_param.batch_size=32", "layer[1].data_param.source=c d",
                                 "layer[conv/3x3.a].convolution_param.weight_filler={ type: 'msra' }",
                                 "layer[conv/3x3.a].param[0].lr_mult=0", "layer[conv/3x3.a].param[1].lr_mult=3",
                                 "layer[conv/3x3.a].convolution_param.pad[1]=4", "name=large"});
  EXPECT_EQ(net.net.name(), "large");
  EXPECT_EQ(net.net.layer(0).data_param().batch_size(), 32u);
  EXPECT_EQ(net.net.layer(1).data_param().batch_size(), 32u);
  EXPECT_EQ(net.net.layer(0).data_param().source(), "a");
  EXPECT_EQ(net.net.layer(1).data_param().source(), "c d");
  const LayerParameter& conv = net.net.layer(2);
  EXPECT_EQ(conv.convolution_param().weight_filler().type(), "msra");
  EXPECT_EQ(conv.convolution_param().num_output(), 20u);
  EXPECT_EQ(conv.convolution_param().pad(0), 1u);
  EXPECT_EQ(conv.convolution_param().pad(1), 4u);
  ASSERT_EQ(conv.param_size(), 2);
  EXPECT_EQ(conv.param(0).lr_mult(), 0);
  EXPECT_EQ(conv.param(1).lr_mult(), 3);
}

TEST(Override, is_brought_to_the_current_format_as_a_file_is) {
  const NetConfig net = set_net({"layer[data].data_param.scale=0.5"});
  EXPECT_EQ(net.net.layer(0).transform_param().scale(), 0.5f);
  EXPECT_EQ(net.net.layer_size(), 3);
}

TEST(Override, gives_errors_the_flag_for_a_place) {
  const SolverConfig solver = set_solver({"base_lr=-1"});
  EXPECT_EQ(message_of([&] { check_solver(solver); }),
            "--set base_lr=-1: base_lr is -1; it must be a number of at least 0");
  const NetConfig net =
      set_net({"layer[data].data_param.batch_size=32", "layer[conv/3x3.a].convolution_param.pad=7,8"});
  EXPECT_EQ(net.layers[0].at("data_param.batch_size"), "--set layer[data].data_param.batch_size=32");
  EXPECT_EQ(net.layers[0].at("data_param.source"), "net.prototxt:2:85");
  EXPECT_EQ(net.layers[2].at("convolution_param.pad[1]"), "--set layer[conv/3x3.a].convolution_param.pad=7,8");
  EXPECT_EQ(net.layers[2].at("convolution_param.kernel_size"), "net.prototxt:6:38");
  EXPECT_EQ(net.layers[2].at(), "net.prototxt:4");
}

TEST(Override, reaches_every_net_of_a_solver) {
  const SolverConfig config =
      set_solver({"layer[data].data_param.batch_size=7", "test_iter=1", "test_interval=1", "layer[2].name=c"});
  const SolverNets nets = solver_nets(config);
  EXPECT_EQ(nets.train.net.layer(0).data_param().batch_size(), 7u);
  EXPECT_EQ(nets.train.net.layer(1).name(), "c");
  ASSERT_EQ(nets.tests.size(), 1u);
  EXPECT_EQ(nets.tests[0].net.layer(0).data_param().batch_size(), 7u);
  EXPECT_EQ(nets.tests[0].net.layer(0).data_param().source(), "b");
}

TEST(Override, may_name_a_layer_that_one_of_the_nets_lacks) {
  const std::string text =
      "train_net_param { layer { name: 'a' type: 'Silence' } }\n"
      "test_net_param { layer { name: 'bias' type: 'Silence' } }\ntest_iter: 1 test_interval: 1\n";
  const auto nets = [&](const std::string& setting) { return solver_nets(parse_solver(text, "s", {setting})); };
  EXPECT_EQ(nets("layer[bias].type=Split").tests[0].net.layer(0).type(), "Split");
  EXPECT_EQ(nets("layer[bias].type=Split").train.net.layer(0).type(), "Silence");
  EXPECT_EQ(message_of([&] { nets("layer[bais].type=Split"); }),
            "--set layer[bais].type=Split: no layer is named \"bais\"; did you mean \"bias\"?");
}

TEST(Override, says_what_is_wrong) {
  const struct {
    const char *setting, *message;
  } of_solver[] = {
      {"base_Ir=1", "SolverParameter has no field \"base_Ir\"; did you mean \"base_lr\"?"},
      {"layr[conv1].name=a", "NetParameter has no field \"layr\"; did you mean \"layer\"?"},
      {"train_state.stge=a", "NetState has no field \"stge\"; did you mean \"stage\"?"},
      {"base_lr=fast", "field \"base_lr\" takes a number, not \"fast\""},
      {"base_lr=", "there is no value after \"=\""},
      {"base_lr", "expected KEY=VALUE"},
      {"base-lr=1", "expected a field name, found \"base-lr\""},
      {"=1", "expected a field name, found \"\""},
      {"base_lr.x=1", "\"base_lr\" is a value: there are no fields in it"},
      {"base_lr[0]=1", "\"base_lr\" is no list"},
      {"train_state=1", "\"train_state\" holds fields: name one of them, or give all in braces"},
      {"test_state.stage=a", "\"test_state\" is a list: say which element, as test_state[0]"},
      {"stepvalue[5]=1", "\"stepvalue\" has 2 elements; there is no element 5"},
      {"stepvalue[x]=1", "\"stepvalue\" takes an index from 0, not \"x\""},
      {"stepvalue[1=1", "\"[\" is not closed"},
      {"stepvalue[1]x=1", "expected \".\" or \"=\" after \"]\""},
      {"max_iter=1 display: 2", "the value goes on with field \"display\"; set each with a flag of its own"},
      {"solver_mode=TPU", "field \"solver_mode\" takes CPU or GPU, not \"TPU\"; did you mean \"CPU\"?"},
      {"net_param.layer[fc].type=a", "no layer is named \"fc\""},
  };
  for (const auto& row : of_solver) {
    EXPECT_EQ(message_of([&] { set_solver({row.setting}); }), std::string("--set ") + row.setting + ": " + row.message);
  }
  EXPECT_EQ(message_of([] { set_net({"layer[dta].name=a"}); }),
            "--set layer[dta].name=a: no layer is named \"dta\"; did you mean \"data\"?");
  EXPECT_EQ(message_of([] { set_net({"layer[data].convolution_parm.pad=1"}); }),
            "--set layer[data].convolution_parm.pad=1: LayerParameter has no field \"convolution_parm\"; did you mean "
            "\"convolution_param\"?");
}

}  // namespace
}  // namespace crema

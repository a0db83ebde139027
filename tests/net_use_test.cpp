// Nets in use: ranges of layers, new shapes, kept values, test nets, threads, passes.
#include <gtest/gtest.h>

#include <cmath>

#include "core/weights.h"
#include "support/array.h"
#include "support/golden.h"
#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

// A net with convolutions, an in-place layer, a value with two readers, and a loss. `batch`: of its inputs.
std::string mixed_net(int batch) {
  return "force_backward: true " + input_text("x", {batch, 3, 8, 8}) + input_text("t", {batch}) +
         R"(layer { name: 'conv1' type: 'Convolution' bottom: 'x' top: 'conv1'
              convolution_param { num_output: 5 kernel_size: 3 pad: 1 weight_filler { type: 'xavier' } } }
            layer { name: 'relu1' type: 'ReLU' bottom: 'conv1' top: 'conv1' }
            layer { name: 'conv2' type: 'Convolution' bottom: 'conv1' top: 'conv2'
              convolution_param { num_output: 5 kernel_size: 3 pad: 1 weight_filler { type: 'xavier' } } }
            layer { name: 'sum' type: 'Eltwise' bottom: 'conv1' bottom: 'conv2' top: 'sum' }
            layer { name: 'pool' type: 'Pooling' bottom: 'sum' top: 'pool' pooling_param { kernel_size: 2 stride: 2 } }
            layer { name: 'ip' type: 'InnerProduct' bottom: 'pool' top: 'ip'
              inner_product_param { num_output: 4 weight_filler { type: 'xavier' } } }
            layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 't' top: 'loss' })";
}

void fill(Net& net) {
  fill_input(net, "x");
  std::vector<float> labels;
  for (long i = 0; i < net.input("t").count(); ++i) labels.push_back(static_cast<float>(i % 4));
  set_input(net, "t", labels);
}

Seen run_whole(Net& net) {
  fill(net);
  net.forward();
  net.backward();
  return see(net);
}

TEST(Ranges, OneAfterTheOtherAreTheWhole) {
  for (const auto& [name, engine] : golden_engines()) {
    SCOPED_TRACE("on the engine " + name);
    NetOptions options;
    options.engine = engine;
    const auto whole = net_of(mixed_net(2), options);
    const Seen expected = run_whole(*whole);
    for (int cut = 0; cut + 1 < whole->layers(); ++cut) {
      const auto net = net_of(mixed_net(2), options);
      fill(*net);
      net->forward(0, cut);
      const real loss = net->forward(cut + 1, net->layers() - 1);
      EXPECT_EQ(loss, *whole->value("loss").data());
      net->backward(net->layers() - 1, cut + 1);
      net->backward(cut, 0);
      EXPECT_TRUE(same(see(*net), expected)) << "cut after layer " << cut;
    }
  }
}

TEST(Ranges, MayBeginAnywhereWithoutAPlan) {
  const auto net = net_of(mixed_net(2), unplanned());
  const Seen expected = run_whole(*net);
  net->forward(4, 6);
  net->forward(3, net->layers() - 1);
  for (const NetParameterInfo& info : net->parameters()) info.parameter->forget_diff();
  net->backward(net->layers() - 1, 0);
  EXPECT_TRUE(same(see(*net), expected));
}

TEST(Ranges, NeedTheirMemory) {
  NetOptions options;
  options.keep_all = true;  // values only, in plain layout
  const auto net = net_of(mixed_net(2), options);
  run_whole(*net);
  const std::string given_away =
      "the memory plan has given what this range reads to other values: go on where the last run ended, or build the "
      "net with NetOptions::plan = false";
  EXPECT_EQ(message_of([&] { net->forward(4, 6); }), given_away);
  EXPECT_EQ(message_of([&] { net->backward(4, 2); }), given_away);
}

TEST(Ranges, GiveTheLossOfTheirLayers) {
  const auto net = net_of(input_text("x", {2}) +
                          "layer { name: 'a' type: 'Power' bottom: 'x' top: 'a' loss_weight: 1 }"
                          "layer { name: 'b' type: 'Power' bottom: 'a' top: 'b' loss_weight: 10 }");
  set_input(*net, "x", {1, 2});
  EXPECT_EQ(net->forward(0, 1), 3);
  EXPECT_EQ(net->forward(2, 2), 30);
  EXPECT_EQ(net->forward(), 33);
}

TEST(Shapes, OfInputsMayChange) {
  for (const auto& [name, engine] : golden_engines()) {
    SCOPED_TRACE("on the engine " + name);
    NetOptions options;
    options.engine = engine;
    const auto net = net_of(mixed_net(2), options);
    run_whole(*net);
    for (const int batch : {5, 1, 2}) {
      net->reshape({{"x", Shape{batch, 3, 8, 8}}, {"t", Shape{batch}}});
      for (const NetParameterInfo& info : net->parameters()) info.parameter->forget_diff();
      const auto fresh = net_of(mixed_net(batch), options);
      EXPECT_TRUE(same(run_whole(*net), run_whole(*fresh))) << "batch of " << batch;
    }
  }
}

TEST(Shapes, ThatALayerRefusesAreAnError) {
  const auto net = net_of(mixed_net(2));
  const Seen expected = run_whole(*net);
  EXPECT_EQ(
      message_of([&] {
        net->reshape({{"x", Shape{2, 3, 10, 10}}});
      }),
      "net.prototxt:10: layer \"ip\" (InnerProduct): parameter 0 has shape 4 80, and the bottom now asks for 4 125 "
      "(bottom \"pool\": 2 5 5 5)");
  // The net has not changed.
  EXPECT_EQ(net->input("x").shape().str(), "2 3 8 8");
  EXPECT_EQ(
      message_of([&] { net->backward(); }),
      "no run has come to its end since the net was built, reshaped, or a run of it failed; start with forward()");
  for (const NetParameterInfo& info : net->parameters()) info.parameter->forget_diff();
  net->forward();
  net->backward();
  EXPECT_TRUE(same(see(*net), expected));
}

TEST(Kept, ValuesCanBeReadWhenNamed) {
  for (const auto& [name, engine] : golden_engines()) {
    NetOptions options;
    options.engine = engine;
    const auto all = net_of(mixed_net(2), unplanned(options));
    const auto reference = net_of(mixed_net(2), [&] {
      NetOptions keep_all = unplanned(options);
      keep_all.keep_all = true;
      return keep_all;
    }());
    run_whole(*reference);
    options.keep = {"conv2", "pool"};
    const auto net = net_of(mixed_net(2), options);
    run_whole(*net);
    for (const std::string blob : {"conv2", "pool"}) {
      ASSERT_EQ(net->value(blob).shape(), reference->value(blob).shape());
      EXPECT_TRUE(same_bits(net->value(blob).count(), net->value(blob).data(), reference->value(blob).data())) << blob;
    }
  }
}

TEST(TestNets, TakeTheMemoryThatTheyShare) {
  const auto train = net_of(mixed_net(2));
  NetOptions options;
  options.partner = train.get();
  const auto test = net_of(mixed_net(2), options, TEST);
  fill(*train);
  fill(*test);
  train->forward();
  test->forward();
  EXPECT_EQ(message_of([&] { train->backward(); }),
            "a net that shares this one's memory has run since; start with forward()");
  train->forward();
  EXPECT_EQ(message_of([&] { train->backward(); }), "no error");
}

TEST(TestNets, ShareParametersAndMemory) {
  const auto train = net_of(mixed_net(2));
  NetOptions options;
  options.partner = train.get();
  const auto test = net_of(mixed_net(3), options, TEST);
  const Parameter& ours = train->layer(2).parameters()[0];
  const Parameter& theirs = test->layer(2).parameters()[0];
  EXPECT_EQ(ours.data(), theirs.data());
  const Seen before = run_whole(*train);
  fill(*test);
  const real loss = test->forward();
  EXPECT_TRUE(std::isfinite(loss));
  fill(*test);
  EXPECT_EQ(test->forward(), loss);
  for (const NetParameterInfo& info : train->parameters()) info.parameter->forget_diff();
  EXPECT_TRUE(same(run_whole(*train), before)) << "the test net has changed what the train net computes";
}

TEST(TestNets, OfOtherShapesAreRefused) {
  const auto ip = [](int outputs) {
    return input_text("x", {1, 2}) + fmt::format(
                                         "layer {{ name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' "
                                         "inner_product_param {{ num_output: {} }} }}",
                                         outputs);
  };
  const auto train = net_of(ip(3));
  NetOptions options;
  options.partner = train.get();
  EXPECT_EQ(
      message_of([&] { net_of(ip(4), options, TEST); }),
      "net.prototxt:2: layer \"ip\" (InnerProduct): parameter 0 has shape 4 2, but 3 2 in the net that it shares it "
      "with");
}

TEST(Memory, IsPlannedTheSameWithoutBeingThere) {
  for (const Phase phase : {TRAIN, TEST}) {
    for (const bool plan : {true, false}) {
      NetOptions options;
      options.plan = plan;
      const auto with = net_of(mixed_net(2), options, phase);
      options.memory = false;
      const auto without = net_of(mixed_net(2), options, phase);
      const NetMemory a = with->memory(), b = without->memory();
      EXPECT_GT(a.parameters, 0);
      EXPECT_EQ(a.planned, b.planned);
      EXPECT_EQ(a.pinned, b.pinned);
      EXPECT_EQ(a.unplanned, b.unplanned);
      EXPECT_EQ(a.parameters, b.parameters);
      EXPECT_EQ(with->steps_text(), without->steps_text());
      EXPECT_EQ(without->layer(0).parameters().size(), with->layer(0).parameters().size());
      EXPECT_EQ(without->tops(1)[0]->data(), nullptr);
      EXPECT_EQ(without->layer(without->layer_index("ip")).parameters()[0].data(), nullptr);
    }
  }
}

TEST(Memory, IsNeededToRun) {
  NetOptions options;
  options.memory = false;
  const auto net = net_of(mixed_net(2), options);
  const std::string refusal = "the net was built without memory (NetOptions::memory = false): it has shapes alone";
  EXPECT_EQ(message_of([&] { net->forward(); }), refusal);
  EXPECT_EQ(message_of([&] { net->forward(0, 2); }), refusal);
  EXPECT_EQ(message_of([&] { net->backward(); }), refusal);
  EXPECT_EQ(message_of([&] { net->input("x"); }), refusal);
  EXPECT_EQ(message_of([&] { net->value("loss"); }), refusal);
  EXPECT_EQ(message_of([&] { to_model(*net, false); }),
            "the net was built without memory (NetOptions::memory = false)");
  EXPECT_EQ(message_of([&] { load_weights(ModelNet(), net.get()); }),
            "the net was built without memory (NetOptions::memory = false)");
  net->reshape({{"x", {4, 3, 8, 8}}, {"t", {4}}});
  EXPECT_EQ(net->tops(net->layer_index("ip"))[0]->shape().str(), "4 4");
  EXPECT_EQ(message_of([&] { net->forward(); }), refusal);
  NetOptions test;
  test.partner = net.get();
  EXPECT_EQ(message_of([&] { net_of(mixed_net(2), test, TEST); }),
            "the net shares parameters with one that was built without memory (NetOptions::memory = false)");
}

TEST(Memory, FillersAreCheckedWithoutIt) {
  const std::string text = input_text("x", {2, 3}) +
                           "layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'ip' inner_product_param { "
                           "num_output: 4 weight_filler { type: 'bilinear' } } }";
  NetOptions options;
  const std::string with = message_of([&] { net_of(text, options); });
  options.memory = false;
  EXPECT_EQ(message_of([&] { net_of(text, options); }), with);
  EXPECT_NE(with.find("filler \"bilinear\" is for square kernels (4 axes); the shape is 4 3"), std::string::npos)
      << with;
}

TEST(Threads, ChangeLittle) {
  for (const auto& [name, engine] : golden_engines()) {
    NetOptions options;
    options.engine = engine;
    options.threads = 1;
    const auto one = net_of(mixed_net(4), options);
    const Seen expected = run_whole(*one);
    for (const int threads : {2, 3}) {
      SCOPED_TRACE(fmt::format("{} threads on the engine {}", threads, name));
      options.threads = threads;
      const auto net = net_of(mixed_net(4), options);
      const Seen seen = run_whole(*net);
      for (const auto& [what, values] : expected) {
        const Array array{Shape{static_cast<long>(values.size())}, {values.begin(), values.end()}};
        EXPECT_TRUE(near(array, array.shape, seen.at(what).data(), 1e-6)) << what;
      }
    }
  }
}

TEST(Passes, NumberRandomNumbers) {
  const auto net = net_of(input_text("x", {1000}) + "layer { name: 'drop' type: 'Dropout' bottom: 'x' top: 'y' }");
  const auto run = [&] {
    std::fill_n(net->input("x").mutable_data(), 1000, real{1});
    net->forward();
    return std::vector<real>(net->value("y").data(), net->value("y").data() + 1000);
  };
  const auto first = run(), second = run();
  EXPECT_NE(first, second);
  EXPECT_EQ(net->passes(), 2u);
  net->set_replay(true);
  EXPECT_EQ(run(), second);
  EXPECT_EQ(net->passes(), 2u);
  net->set_replay(false);
  net->set_passes(0);
  EXPECT_EQ(run(), first);
}

// An Input whose name a layer takes over in place is still the Input that the caller fills.
TEST(Inputs, MayBeRewrittenInPlace) {
  for (const bool plan : {true, false}) {
    NetOptions options;
    options.plan = plan;
    const auto net = net_of(input_text("x", {2}) + "layer { name: 'relu' type: 'ReLU' bottom: 'x' top: 'x' }", options);
    ASSERT_EQ(net->inputs(), std::vector<std::string>{"x"});
    set_input(*net, "x", {-3, 4});
    net->forward();
    EXPECT_EQ(net->value("x").data()[0], 0);
    EXPECT_EQ(net->value("x").data()[1], 4);
    EXPECT_EQ(net->input("x").data()[0], -3) << "what the caller wrote has been overwritten";
  }
}

TEST(DebugInfo, LogsMeansLayerByLayer) {
  const auto net =
      net_of("debug_info: true force_backward: true " + input_text("x", {2}) +
             "layer { name: 'L' type: 'Power' bottom: 'x' top: 'y' loss_weight: 1 power_param { scale: 3 } }");
  set_input(*net, "x", {-1, 2});
  const std::string log = log_of([&] {
    net->forward();
    net->backward();
  });
  EXPECT_NE(log.find("    [Forward] Layer L, top blob y data: 4.5\n"), std::string::npos) << log;
  EXPECT_NE(log.find("    [Backward] Layer L, bottom blob x diff: 3\n"), std::string::npos) << log;
  EXPECT_NE(log.find("    [Backward] All net params (data, diff): L1 norm = (0, 0); L2 norm = (0, 0)\n"),
            std::string::npos)
      << log;
}

}  // namespace
}  // namespace crema

// The MemoryData layer: data that the program gives.
#include <gtest/gtest.h>

#include "core/feed.h"
#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

using Values = std::vector<float>;

const std::string kLayer =
    "layer { name: 'data' type: 'MemoryData' top: 'x' top: 'y' "
    "memory_data_param { batch_size: 2 channels: 1 height: 1 width: 2 } }";
const std::string kPlace = "net.prototxt:1: layer \"data\" (MemoryData): ";

Values value(const Net& net, const std::string& name) {
  return {net.value(name).data(), net.value(name).data() + net.value(name).count()};
}

Values numbers(int from, int count) {
  Values x;
  for (int i = 0; i < count; ++i) x.push_back(static_cast<float>(from + i));
  return x;
}

TEST(MemoryData, GoesRoundAndRound) {
  const auto net = net_of(kLayer);
  EXPECT_EQ(net->value("x").shape(), (Shape{2, 1, 1, 2}));
  EXPECT_EQ(net->value("y").shape(), (Shape{2}));
  EXPECT_EQ(net->batch_size(), 2);
  feed(*net, "data", numbers(0, 8), {10, 11, 12, 13});
  for (int round = 0; round < 2; ++round) {
    net->forward();
    EXPECT_EQ(value(*net, "x"), numbers(0, 4));
    EXPECT_EQ(value(*net, "y"), (Values{10, 11}));
    net->forward();
    EXPECT_EQ(value(*net, "x"), numbers(4, 4));
    EXPECT_EQ(value(*net, "y"), (Values{12, 13}));
  }
}

TEST(MemoryData, NewDataBeginsAtItsFirstRecord) {
  const auto net = net_of(kLayer);
  feed(*net, "data", numbers(0, 8), {10, 11, 12, 13});
  net->forward();
  feed(*net, "data", numbers(20, 12), {1, 2, 3, 4, 5, 6});
  for (const int batch : {0, 1, 2, 0}) {
    net->forward();
    EXPECT_EQ(value(*net, "x"), numbers(20 + 4 * batch, 4));
  }
}

TEST(MemoryData, RepeatedPassesRepeatTheirBatch) {
  const auto net = net_of(kLayer);
  feed(*net, "data", numbers(0, 8), {10, 11, 12, 13});
  net->forward();
  net->forward();
  net->set_replay(true);
  net->forward();
  EXPECT_EQ(value(*net, "x"), numbers(4, 4));
  net->set_replay(false);
  net->forward();
  EXPECT_EQ(value(*net, "x"), numbers(0, 4));
}

// A resumed run is fed before or after its position is restored.
TEST(MemoryData, ResumesAtItsPosition) {
  const auto whole = net_of(kLayer);
  feed(*whole, "data", numbers(0, 12), numbers(0, 6));
  for (int pass = 0; pass < 5; ++pass) {
    NetProgress progress;
    whole->save_progress(&progress);
    whole->forward();
    for (const bool fed_first : {false, true}) {
      const auto resumed = net_of(kLayer);
      if (fed_first) feed(*resumed, "data", numbers(0, 12), numbers(0, 6));
      resumed->restore_progress(progress);
      if (!fed_first) feed(*resumed, "data", numbers(0, 12), numbers(0, 6));
      resumed->forward();
      EXPECT_EQ(value(*resumed, "x"), value(*whole, "x")) << pass;
      EXPECT_EQ(value(*resumed, "y"), value(*whole, "y")) << pass;
    }
  }
}

TEST(MemoryData, WithoutLabels) {
  const auto net = net_of(
      "layer { name: 'data' type: 'MemoryData' top: 'x' memory_data_param { batch_size: 1 channels: 2 height: 1 "
      "width: 1 } }");
  feed(*net, "data", {1, 2, 3, 4});
  net->forward();
  net->forward();
  EXPECT_EQ(value(*net, "x"), (Values{3, 4}));
}

TEST(MemoryData, Refuses) {
  const auto net = net_of(kLayer + "layer { name: 'relu' type: 'ReLU' bottom: 'x' top: 'z' }");
  const auto said = [&](const Values& data, const Values& labels) {
    return message_of([&] { feed(*net, "data", data, labels); });
  };
  EXPECT_EQ(message_of([&] { net->forward(); }),
            kPlace + "has no data yet; the program gives it by feed(net, \"data\", data, labels)");
  EXPECT_EQ(said({}, {}), kPlace + "0 numbers are no whole number of batches of 4 (2 1 1 2)");
  EXPECT_EQ(said(numbers(0, 6), {1, 2, 3}), kPlace + "6 numbers are no whole number of batches of 4 (2 1 1 2)");
  EXPECT_EQ(said(numbers(0, 8), {1, 2}), kPlace + "2 labels for 4 records");
  EXPECT_EQ(said(numbers(0, 8), {}), kPlace + "0 labels for 4 records");
  EXPECT_EQ(message_of([&] { feed(*net, "relu", {1}, {}); }),
            "net.prototxt:1: layer \"relu\" (ReLU): takes no data from memory; a layer of type MemoryData does");
  EXPECT_EQ(message_of([&] { feed(*net, "dta", {1}, {}); }), "the net has no layer \"dta\"; did you mean \"data\"?");
  const auto built = [](const std::string& more) {
    return message_of([&] { net_of("layer { name: 'data' type: 'MemoryData' top: 'x' " + more + " }"); });
  };
  EXPECT_EQ(built("memory_data_param { batch_size: 1 channels: 1 height: 1 }"),
            kPlace + "batch_size, channels, height and width are 1, 1, 1 and 0; all must be given and positive");
  EXPECT_EQ(built("memory_data_param { batch_size: 1 channels: 1 height: 1 width: 1 } transform_param { scale: 2 }"),
            kPlace + "MemoryData takes the data as it is; transform_param has no meaning here");
}

}  // namespace
}  // namespace crema

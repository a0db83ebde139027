// The order of records, their transformation, and the thread that prepares them ahead.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <set>
#include <thread>

#include "data/batch_position.h"
#include "data/prefetcher.h"
#include "data/sampler.h"
#include "data/transformer.h"
#include "support/data_files.h"
#include "support/messages.h"

namespace crema {
namespace {

std::vector<uint64_t> records(Sampler sampler, uint64_t first, uint64_t count) {
  std::vector<uint64_t> list;
  for (uint64_t i = 0; i < count; ++i) list.push_back(sampler.record(first + i));
  return list;
}

TEST(Sampler, InOrderWrapsAround) {
  EXPECT_EQ(records(Sampler(3, {}), 0, 8), (std::vector<uint64_t>{0, 1, 2, 0, 1, 2, 0, 1}));
}

TEST(Sampler, ShuffledEpochsArePermutationsAndDiffer) {
  Sampler::Options options{7, "data", true};
  const Sampler sampler(50, options);
  std::set<std::vector<uint64_t>> orders;
  for (uint64_t epoch = 0; epoch < 10; ++epoch) {
    auto order = records(sampler, epoch * 50, 50);
    orders.insert(order);
    std::sort(order.begin(), order.end());
    std::vector<uint64_t> all(50);
    std::iota(all.begin(), all.end(), 0u);
    EXPECT_EQ(order, all) << "epoch " << epoch;
  }
  EXPECT_EQ(orders.size(), 10u);
  options.seed = 8;
  EXPECT_NE(records(Sampler(50, options), 0, 50), records(sampler, 0, 50));
  options = {7, "other", true};
  EXPECT_NE(records(Sampler(50, options), 0, 50), records(sampler, 0, 50));
}

TEST(Sampler, IsAFunctionOfThePosition) {
  for (const bool shuffle : {false, true}) {
    const Sampler::Options options{3, "data", shuffle, 20};
    const auto whole = records(Sampler(17, options), 0, 60);
    for (uint64_t first = 0; first < 60; ++first) {
      const auto rest = records(Sampler(17, options), first, 60 - first);
      EXPECT_TRUE(std::equal(rest.begin(), rest.end(), whole.begin() + static_cast<long>(first))) << first;
    }
    EXPECT_LT(Sampler(17, options).record(~uint64_t{0}), 17u);
  }
}

TEST(Sampler, SkipsOnceAtTheStart) {
  std::set<uint64_t> skips;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const auto list = records(Sampler(100, {seed, "data", false, 5}), 0, 101);
    skips.insert(list[0]);
    for (size_t i = 1; i < list.size(); ++i) EXPECT_EQ(list[i], (list[i - 1] + 1) % 100);
  }
  EXPECT_EQ(skips, (std::set<uint64_t>{0, 1, 2, 3, 4}));
}

TEST(Sampler, Refuses) {
  EXPECT_EQ(message_of([] { Sampler(0, {}); }), "there are no records");
  EXPECT_EQ(message_of([] {
              Sampler(uint64_t{1} << 32, {1, "data", true});
            }),
            "4294967296 records are too many to shuffle");
}

TEST(BatchPosition, CountsConsumedRecordsAndRepeatsTheLastBatch) {
  BatchPosition position(10);
  EXPECT_EQ(position.begin(true), 0u);
  position.advance(true);
  EXPECT_EQ(position.consumed(), 0u);
  position.advance(false);
  position.advance(false);
  EXPECT_EQ(position.consumed(), 20u);
  EXPECT_EQ(position.begin(false), 20u);
  EXPECT_EQ(position.begin(true), 10u);
  position.advance(true);
  EXPECT_EQ(position.consumed(), 20u);
  position.restore(70);
  EXPECT_EQ(position.begin(false), 70u);
  EXPECT_EQ(position.begin(true), 60u);
}

// --- prefetcher ------------------------------------------------------------------------------------------------------

void number_of(uint64_t position, Batch* batch) { batch->labels.assign(1, static_cast<float>(position)); }

float get(Prefetcher& prefetcher, uint64_t position) {
  Batch batch;
  prefetcher.get(position, &batch);
  return batch.labels.at(0);
}

TEST(Prefetcher, HandsOutInOrderAndJumps) {
  for (const size_t depth : {0, 1, 4}) {
    Prefetcher prefetcher(10, depth, number_of);
    for (uint64_t i = 0; i < 200; ++i) ASSERT_EQ(get(prefetcher, i * 10), static_cast<float>(i * 10)) << depth;
    EXPECT_EQ(get(prefetcher, 70), 70);
    EXPECT_EQ(get(prefetcher, 80), 80);
    EXPECT_EQ(get(prefetcher, 75), 75);
    EXPECT_EQ(get(prefetcher, 75), 75);
  }
}

TEST(Prefetcher, PreparesAheadOnOneThreadAndNoFurtherThanAsked) {
  std::atomic<int> inside = 0, most_inside = 0;
  std::atomic<uint64_t> furthest = 0;
  Prefetcher prefetcher(1, 3, [&](uint64_t position, Batch* batch) {
    most_inside = std::max<int>(most_inside, ++inside);
    furthest = position;
    number_of(position, batch);
    --inside;
  });
  get(prefetcher, 0);
  for (int wait = 0; wait < 1000 && furthest < 3; ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(furthest, 3u);
  for (uint64_t i = 1; i < 100; ++i) {
    get(prefetcher, i);
    EXPECT_LE(furthest, i + 4);
  }
  EXPECT_EQ(most_inside, 1);
}

TEST(Prefetcher, CarriesExceptionsAtTheirPlace) {
  for (const size_t depth : {0, 1, 8}) {
    Prefetcher prefetcher(1, depth, [](uint64_t position, Batch* batch) {
      if (position % 5 == 3) throw Error("record {} is bad", position);
      number_of(position, batch);
    });
    for (uint64_t i = 0; i < 20; ++i) {
      for (int repeat = 0; repeat < (i % 5 == 3 ? 2 : 1); ++repeat) {
        std::string said = "no error";
        try {
          EXPECT_EQ(get(prefetcher, i), static_cast<float>(i));
        } catch (const Error& error) {
          said = error.what();
        }
        EXPECT_EQ(said, i % 5 == 3 ? fmt::format("record {} is bad", i) : "no error") << depth;
      }
    }
  }
}

TEST(Prefetcher, EndsUnderLoad) {
  std::atomic<int> calls = 0;
  for (int round = 0; round < 100; ++round) {
    std::atomic<bool> alive = true;
    {
      Prefetcher prefetcher(1, 1 + round % 4, [&](uint64_t position, Batch* batch) {
        EXPECT_TRUE(alive);
        if (round % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
        if (round % 7 == 0 && position > 2) throw Error("bad");
        ++calls;
        number_of(position, batch);
      });
      for (int i = 0; i < round % 3; ++i) get(prefetcher, static_cast<uint64_t>(i));
    }
    alive = false;
  }
  EXPECT_GT(calls, 50);
}

// --- transformer -----------------------------------------------------------------------------------------------------

Record record_of(int c, int h, int w, int first = 0) {
  Record record;
  record.channels = c;
  record.height = h;
  record.width = w;
  record.bytes = counting(static_cast<size_t>(c) * h * w, first);
  return record;
}

using Values = std::vector<float>;

Values transformed(const std::string& config, const Record& record, Phase phase = TEST, uint64_t position = 0,
                   uint64_t seed = 1) {
  const Transformer transformer(parsed<TransformationParameter>(config), {phase, seed, "data", ""});
  Values y(static_cast<size_t>(transformer.shape(record).count()));
  transformer.transform(record, position, y.data());
  return y;
}

std::string mean_file(const TempFolder& folder, const std::string& text) {
  return "mean_file: '" + folder.write("mean.binaryproto", parsed<BlobProto>(text).SerializeAsString()) + "'";
}

TEST(Transformer, LiteralNumbers) {
  EXPECT_EQ(transformed("", record_of(1, 2, 2, 254)), (Values{254, 255, 0, 1}));  // bytes have no sign
  EXPECT_EQ(transformed("scale: 0.5 mean_value: 1", record_of(1, 2, 3)), (Values{-0.5, 0, 0.5, 1, 1.5, 2}));
  EXPECT_EQ(transformed("mean_value: 1 mean_value: 10", record_of(2, 1, 2)), (Values{-1, 0, -8, -7}));
  EXPECT_EQ(transformed("mean_value: 2", record_of(2, 1, 2)), (Values{-2, -1, 0, 1}));
  EXPECT_EQ(transformed("crop_size: 2", record_of(1, 4, 5)), (Values{6, 7, 11, 12}));
  EXPECT_EQ(transformed("crop_size: 1", record_of(2, 3, 3)), (Values{4, 13}));
  const TempFolder folder;
  const std::string mean = mean_file(folder, "num: 1 channels: 1 height: 2 width: 3 data: [0, 1, 2, 4, 8, 16]");
  EXPECT_EQ(transformed(mean + " scale: 2", record_of(1, 2, 3)), (Values{0, 0, 0, -2, -8, -22}));
  EXPECT_EQ(transformed(mean + " crop_size: 1", record_of(1, 2, 3)), (Values{0}));
  const std::string two = mean_file(folder, "shape { dim: 2 dim: 1 dim: 1 } double_data: [1, 2]");
  EXPECT_EQ(transformed(two, record_of(2, 1, 1, 5)), (Values{4, 4}));
}

TEST(Transformer, FloatRecords) {
  Record record = record_of(1, 1, 3);
  record.bytes.clear();
  record.floats = {-1.5, 0, 1000};
  EXPECT_EQ(transformed("scale: 2 mean_value: 1", record), (Values{-5, -2, 1998}));
}

TEST(Transformer, MirrorsAboutHalfInEitherPhase) {
  for (const Phase phase : {TRAIN, TEST}) {
    int mirrored = 0;
    for (uint64_t position = 0; position < 400; ++position) {
      const Values y = transformed("mirror: true mean_value: 1", record_of(2, 1, 3), phase, position);
      mirrored += y == Values{1, 0, -1, 4, 3, 2};
      EXPECT_TRUE((y == Values{1, 0, -1, 4, 3, 2}) || (y == Values{-1, 0, 1, 2, 3, 4}));
      EXPECT_EQ(y, transformed("mirror: true mean_value: 1", record_of(2, 1, 3), phase, position));
    }
    EXPECT_NEAR(mirrored, 200, 50);
  }
}

TEST(Transformer, CutsAtEveryPlaceWhileTraining) {
  std::map<float, int> corners;
  for (uint64_t position = 0; position < 600; ++position) {
    const Values y = transformed("crop_size: 3", record_of(1, 4, 5), TRAIN, position);
    ++corners[y[0]];
    for (int h = 0; h < 3; ++h) {
      for (int w = 0; w < 3; ++w) EXPECT_EQ(y[3 * h + w], y[0] + static_cast<float>(5 * h + w));
    }
  }
  ASSERT_EQ(corners.size(), 6u);  // 2 rows x 3 columns of places
  for (const auto& [corner, times] : corners) EXPECT_NEAR(times, 100, 45) << corner;
  int same = 0;
  for (uint64_t position = 0; position < 100; ++position) {
    same += transformed("crop_size: 3", record_of(1, 4, 5), TRAIN, position, 1) ==
            transformed("crop_size: 3", record_of(1, 4, 5), TRAIN, position, 2);
  }
  EXPECT_LT(same, 50);
}

TEST(Transformer, Refuses) {
  const TempFolder folder;
  const std::string path = folder / "mean.binaryproto";
  const auto said = [](const std::string& config, const Record& record) {
    return message_of([&] { transformed(config, record); });
  };
  EXPECT_EQ(said("crop_size: 5", record_of(1, 6, 4)), "crop_size 5 is larger than the image of 1 x 6 x 4");
  EXPECT_EQ(said("crop_size: 4294967295", record_of(1, 6, 4)), "crop_size is 4294967295; at most 1048576");
  EXPECT_EQ(said("mean_value: 1 mean_value: 2", record_of(3, 1, 1)),
            "mean_value is given 2 times for 3 channels; once, or once a channel");
  EXPECT_EQ(said("mean_value: 1 mean_file: 'x'", record_of(1, 1, 1)),
            "mean_file and mean_value are both given; one of them at most");
  EXPECT_EQ(said(mean_file(folder, "channels: 1 height: 2 width: 2 num: 1 data: [1, 2, 3, 4]"), record_of(1, 2, 3)),
            "the mean is of 1 x 2 x 2, and the image of 1 x 2 x 3");
  EXPECT_EQ(said(mean_file(folder, "channels: 1 height: 2 width: 2 num: 1 data: [1, 2, 3]"), record_of(1, 2, 2)),
            "mean file " + path + ": has the shape 1 x 2 x 2 and 3 values");
  EXPECT_EQ(said(mean_file(folder, "shape { dim: 2 dim: 1 dim: 1 dim: 1 } data: [1, 2]"), record_of(1, 1, 1)),
            "mean file " + path + ": has the shape 2 x 1 x 1 x 1, not that of one image (C x H x W)");
  EXPECT_EQ(said(mean_file(folder, "shape { dim: 2147483648 dim: 2147483648 dim: 4 }"), record_of(1, 1, 1)),
            "mean file " + path + ": has the shape 2147483648 x 2147483648 x 4");
  EXPECT_EQ(said(mean_file(folder, "num: 1 channels: -1 height: 2 width: -2 data: [1, 2, 3, 4]"), record_of(1, 2, 2)),
            "mean file " + path + ": has the shape -1 x 2 x -2");
  EXPECT_EQ(said("mean_file: '" + folder.write("text", "no proto") + "'", record_of(1, 1, 1)),
            "mean file " + (folder / "text") + ": is not a BlobProto (.binaryproto)");
  EXPECT_EQ(said("mean_file: '/no/such'", record_of(1, 1, 1)), "mean file \"/no/such\" does not exist");
  EXPECT_EQ(message_of([] { decoding_of(parsed<TransformationParameter>("force_color: true force_gray: true")); }),
            "force_color and force_gray are both set; one of them at most");
}

}  // namespace
}  // namespace crema

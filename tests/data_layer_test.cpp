// The Data layer, and batches of ImageData: what Caffe's gave for the same files. Data's position and faults.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>

#include "support/array.h"
#include "support/data_files.h"
#include "support/messages.h"

namespace crema {
namespace {

namespace fs = std::filesystem;
using Values = std::vector<float>;

// --- recorded batches ------------------------------------------------------------------------------------------------

const std::string kGolden = CREMA_TESTS_DIR "/golden/files/";

// LevelDB writes into its folder even to read it, so the recorded one is copied.
std::string recorded_layer(const std::string& name, const TempFolder& folder) {
  fs::copy(kGolden + "leveldb_raw", folder / "leveldb_raw");
  const auto net = parsed<NetParameter>(read_file(kGolden + name + ".prototxt"));
  LayerParameter layer = net.layer(0);
  if (layer.data_param().source() == "leveldb_raw") layer.mutable_data_param()->set_source(folder / "leveldb_raw");
  return layer.DebugString();
}

class Recorded : public testing::TestWithParam<const char*> {};

TEST_P(Recorded, TwoBatches) {
  const std::string name = GetParam();
  const TempFolder folder;
  DataLayer data(recorded_layer(name, folder), TEST, 1, kGolden + name + ".prototxt");
  const auto recorded = read_hdf5(kGolden + name + ".h5");
  ASSERT_EQ(recorded.size(), 4u);
  for (const std::string batch : {"batch0", "batch1"}) {
    data.forward();
    for (size_t i = 0; i < 2; ++i) {
      const Array& expected = recorded.at(batch + (i == 0 ? "/data" : "/label"));
      EXPECT_TRUE(near(expected, data.tops[i]->shape(), data.tops[i]->data(), 0)) << batch;
    }
  }
}

#if defined(CREMA_WITH_LMDB)
INSTANTIATE_TEST_SUITE_P(Lmdb, Recorded, testing::Values("data_lmdb_raw", "data_crop_mean_file", "data_mean_value"));
#endif
#if defined(CREMA_WITH_LMDB) && defined(CREMA_WITH_OPENCV)
INSTANTIATE_TEST_SUITE_P(LmdbOpencv, Recorded, testing::Values("data_lmdb_encoded"));
#endif
#if defined(CREMA_WITH_OPENCV)
INSTANTIATE_TEST_SUITE_P(Opencv, Recorded, testing::Values("data_imagedata", "data_imagedata_gray"));
#endif
#if defined(CREMA_WITH_LEVELDB)
INSTANTIATE_TEST_SUITE_P(Leveldb, Recorded, testing::Values("data_leveldb_raw"));
#endif

#if defined(CREMA_WITH_LMDB) && defined(CREMA_WITH_OPENCV)
TEST(DataLayer, ForcedColours) {
  const auto layer = [](const std::string& transform, const std::string& data = "") {
    return "name: 'data' type: 'Data' top: 'data' transform_param { " + transform + " } data_param { source: '" +
           kGolden + "lmdb_encoded' backend: LMDB batch_size: 1 " + data + " }";
  };
  DataLayer stored(layer("")), color(layer("force_color: true")), gray(layer("force_gray: true"));
  DataLayer old_color(layer("", "force_encoded_color: true"));
  EXPECT_EQ(stored.tops[0]->shape(), (Shape{1, 3, 32, 40}));
  EXPECT_EQ(gray.tops[0]->shape(), (Shape{1, 1, 32, 40}));
  const Values bgr = stored.forward(), y = gray.forward();
  EXPECT_EQ(color.forward(), bgr);
  EXPECT_EQ(old_color.forward(), bgr);
  for (size_t i = 0; i < y.size(); ++i) {
    EXPECT_NEAR(y[i], 0.114f * bgr[i] + 0.587f * bgr[i + y.size()] + 0.299f * bgr[i + 2 * y.size()], 1);
  }
  const std::string raw =
      "name: 'data' type: 'Data' top: 'data' transform_param { force_gray: true } data_param { source: '" + kGolden +
      "lmdb_raw' backend: LMDB batch_size: 1 }";
  EXPECT_EQ(log_of([&] { DataLayer{raw}; }),
            "layer \"data\": the records are no image files: force_color and force_gray have no effect\n");
}
#endif

// --- position --------------------------------------------------------------------------------------------------------

// Ten images of one pixel, 0 to 9, labelled 10 to 19, read in batches of four.
struct Ten {
  TempFolder folder;
  Ten() {
    folder.write("images-idx3", idx_file({10, 1, 1}, counting(10)));
    folder.write("labels-idx1", idx_file({10}, counting(10, 10)));
  }
  std::string layer(const std::string& more, const std::string& tops = "top: 'x' top: 'y'") const {
    return "name: 'data' type: 'Data' " + tops + " data_param { backend: IDX source: '" + (folder / "images-idx3") +
           "' batch_size: 4 " + more + " }";
  }
};

TEST(DataLayer, WrapsAroundWithLabels) {
  const Ten ten;
  for (const char* more : {"", "prefetch: 0", "prefetch: 1"}) {
    DataLayer data(ten.layer(more));
    EXPECT_EQ(data.tops[0]->shape(), (Shape{4, 1, 1, 1}));
    EXPECT_EQ(data.tops[1]->shape(), (Shape{4}));
    EXPECT_EQ(data.forward(), (Values{0, 1, 2, 3}));
    EXPECT_EQ(data.forward(), (Values{4, 5, 6, 7}));
    EXPECT_EQ(data.forward(), (Values{8, 9, 0, 1}));
    EXPECT_EQ(data.values(1), (Values{18, 19, 10, 11}));
    EXPECT_EQ(data.position(), 12u);
  }
}

TEST(DataLayer, NeedsNoLabelsWhereNoneAreAskedFor) {
  const Ten ten;
  fs::remove(ten.folder / "labels-idx1");
  DataLayer data(ten.layer("", "top: 'x'"));
  EXPECT_EQ(data.forward(), (Values{0, 1, 2, 3}));
  EXPECT_NE(message_of([&] { DataLayer{ten.layer("")}; }), "no error");
}

TEST(DataLayer, ReplayRepeatsAndMovesNothing) {
  const Ten ten;
  for (const char* more : {"shuffle: true", "prefetch: 0 shuffle: true"}) {
    DataLayer data(ten.layer(more));
    data.forward();
    const Values second = data.forward();
    EXPECT_EQ(data.forward(true), second);
    EXPECT_EQ(data.forward(true), second);
    EXPECT_EQ(data.position(), 8u);
    const Values third = data.forward();
    DataLayer other(ten.layer(more));
    other.restore(8);
    EXPECT_EQ(other.forward(true), second);
    EXPECT_EQ(other.position(), 8u);
    EXPECT_EQ(other.forward(), third);
  }
}

TEST(DataLayer, ResumesAtItsPosition) {
  const Ten ten;
  for (const char* more : {"", "shuffle: true", "shuffle: true rand_skip: 7", "shuffle: true prefetch: 0"}) {
    const std::string layer = ten.layer(more) + " transform_param { mirror: true crop_size: 1 }";
    DataLayer whole(layer);
    std::vector<Values> batches;
    for (int i = 0; i < 12; ++i) batches.push_back(whole.forward());
    for (uint64_t done = 0; done < 12; ++done) {
      DataLayer resumed(layer);
      resumed.forward();  // this also reads ahead, which must not count
      resumed.restore(done * 4);
      EXPECT_EQ(resumed.position(), done * 4);
      for (size_t i = done; i < 12; ++i) EXPECT_EQ(resumed.forward(), batches[i]) << more;
    }
  }
}

TEST(DataLayer, ShufflesByTheSeed) {
  const Ten ten;
  const auto epoch = [&](uint64_t seed) {
    DataLayer data(ten.layer("shuffle: true"), TRAIN, seed);
    Values all;
    for (int i = 0; i < 5; ++i) {
      const Values x = data.forward(), y = data.values(1);
      for (size_t k = 0; k < x.size(); ++k) EXPECT_EQ(y[k], x[k] + 10);
      all.insert(all.end(), x.begin(), x.end());
    }
    return all;
  };
  const Values one = epoch(1);
  EXPECT_EQ(std::set<float>(one.begin(), one.begin() + 10).size(), 10u);
  EXPECT_EQ(std::set<float>(one.begin() + 10, one.end()).size(), 10u);
  EXPECT_EQ(one, epoch(1));
  EXPECT_NE(one, epoch(2));
}

TEST(DataLayer, EmbeddedSubset) {
  const auto labels = [](const std::string& name) {
    DataLayer data(
        "name: 'data' type: 'Data' top: 'x' top: 'y' transform_param { scale: 0.00390625 } data_param { "
        "backend: IDX batch_size: 1000 source: '" CREMA_SOURCE_DIR "/data/mnist-10k/" +
        name + "' }");
    const Values x = data.forward(), y = data.values(1);
    EXPECT_EQ(data.tops[0]->shape(), (Shape{1000, 1, 28, 28}));
    EXPECT_GE(*std::min_element(x.begin(), x.end()), 0);
    EXPECT_GT(*std::max_element(x.begin(), x.end()), 0.9f);
    return std::set<float>(y.begin(), y.end());
  };
  const std::set<float> digits = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(labels("train-images-idx3-ubyte.gz"), digits);
  EXPECT_EQ(labels("t10k-images-idx3-ubyte"), digits);
}

// --- faults ----------------------------------------------------------------------------------------------------------

TEST(DataLayer, Refuses) {
  const Ten ten;
  const auto said = [&](const std::string& data, const std::string& transform = "") {
    return message_of([&] {
      DataLayer{"name: 'd' type: 'Data' top: 'x' data_param { " + data + " } transform_param { " + transform + " }"};
    });
  };
  const std::string source = "backend: IDX source: '" + (ten.folder / "images-idx3") + "' ";
  EXPECT_EQ(said(source), "batch_size is 0; it must be given and positive");
  EXPECT_EQ(said("batch_size: 1"), "source is not given");
  EXPECT_EQ(said(source + "batch_size: 1 prefetch: 99999"), "prefetch is 99999; at most 1024");
  EXPECT_EQ(said(source + "batch_size: 1", "crop_size: 2"), "crop_size 2 is larger than the image of 1 x 1 x 1");
  EXPECT_EQ(said(source + "batch_size: 1 force_encoded_color: true", "force_gray: true"),
            "force_encoded_color and force_gray are both set");
  EXPECT_NE(said("batch_size: 1 source: '" + (ten.folder / "images-idx3") + "'"), "no error");
}

#ifndef CREMA_WITH_LMDB
TEST(DataLayer, NamesTheOptionOfALeftOutBackend) {
  const std::string path = kGolden + "lmdb_raw";
  EXPECT_EQ(message_of([&] {
              DataLayer{"type: 'Data' top: 'x' data_param { batch_size: 1 backend: LMDB source: '" + path + "' }"};
            }),
            path + ": this build reads no LMDB databases: they were left out (CMake option CREMA_LMDB)");
}
#endif

#ifndef CREMA_WITH_LEVELDB
TEST(DataLayer, NamesTheOptionOfALeftOutLeveldb) {
  const std::string path = kGolden + "leveldb_raw";
  EXPECT_EQ(message_of([&] { DataLayer{"type: 'Data' top: 'x' data_param { batch_size: 1 source: '" + path + "' }"}; }),
            path + ": this build reads no LevelDB databases: they were left out (CMake option CREMA_LEVELDB)");
}
#endif

}  // namespace
}  // namespace crema

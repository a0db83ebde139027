// The WindowData layer: what is cut out of images, which windows are drawn when, and errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "support/data_files.h"
#include "support/messages.h"

namespace crema {
namespace {

#if defined(CREMA_WITH_OPENCV)

using Values = std::vector<float>;

// An image whose pixel (h, w) has the red value 10 h + w, green 50 more, blue 100 more.
std::string image(int width, int height) {
  std::string pixels;
  for (int h = 0; h < height; ++h) {
    for (int w = 0; w < width; ++w) {
      for (const int more : {0, 50, 100}) pixels += static_cast<char>(10 * h + w + more);
    }
  }
  return fmt::format("P6\n{} {}\n255\n", width, height) + pixels;
}

std::string plain_image(int side, int value) {
  return fmt::format("P6\n{0} {0}\n255\n", side) +
         std::string(static_cast<size_t>(3 * side * side), static_cast<char>(value));
}

std::string layer(const std::string& list, const std::string& more, const std::string& transform) {
  return "name: 'data' type: 'WindowData' top: 'x' top: 'y' window_data_param { source: '" + list + "' " + more +
         " } transform_param { " + transform + " }";
}

// A folder with an image and a list of its windows.
struct Windows {
  TempFolder folder;
  std::string list;
  Windows(const std::string& bytes, const std::vector<std::string>& windows) {
    std::string text = fmt::format("# 0\n{}\n3\n4\n5\n{}\n", folder.write("a.ppm", bytes), windows.size());
    for (const std::string& window : windows) text += window + "\n";
    list = folder.write("list.txt", text);
  }
};

const std::string kForeground = "batch_size: 1 fg_fraction: 1 ";

TEST(WindowData, CutsWindowsOut) {
  const Windows windows(image(5, 4), {"7 0.5 1 2 2 3"});
  DataLayer data(layer(windows.list, kForeground, "crop_size: 2"));
  EXPECT_EQ(data.tops[0]->shape(), (Shape{1, 3, 2, 2}));
  EXPECT_EQ(data.tops[1]->shape(), (Shape{1}));
  EXPECT_EQ(data.forward(), (Values{121, 122, 131, 132, 71, 72, 81, 82, 21, 22, 31, 32}));
  EXPECT_EQ(data.values(1), (Values{7}));
}

TEST(WindowData, MirrorsAtRandomInBothPhases) {
  const Windows windows(image(5, 4), {"7 1 1 2 2 2"});
  for (const Phase phase : {TRAIN, TEST}) {
    DataLayer data(layer(windows.list, kForeground, "crop_size: 2 mirror: true"), phase);
    std::set<Values> rows;
    for (int i = 0; i < 30; ++i) {
      const Values x = data.forward();
      rows.insert(Values(x.begin(), x.begin() + 2));
    }
    EXPECT_EQ(rows, (std::set<Values>{{121, 122}, {122, 121}}));
  }
}

// With context the window is 0 to 4 in both directions (Caffe's rounding), of which the image has 0 to 3. 4/5 of 4
// pixels, rounded, are 3 pixels; one pixel is beyond the image.
TEST(WindowData, FillsWithZerosBeyondTheImage) {
  const Windows windows(plain_image(4, 40), {"1 1 1 1 2 2"});
  DataLayer data(
      layer(windows.list, kForeground + "context_pad: 1", "crop_size: 4 scale: 0.5 mean_value: 10 mirror: true"));
  const Values row = {15, 15, 15, 0}, mirrored = {0, 15, 15, 15};
  std::set<bool> seen;
  for (int i = 0; i < 30; ++i) {
    const Values x = data.forward();
    const bool flipped = x[0] == 0;
    seen.insert(flipped);
    Values plane;
    for (int h = 0; h < 3; ++h) {
      plane.insert(plane.end(), (flipped ? mirrored : row).begin(), (flipped ? mirrored : row).end());
    }
    plane.resize(16, 0);
    Values expected;
    for (int c = 0; c < 3; ++c) expected.insert(expected.end(), plane.begin(), plane.end());
    ASSERT_EQ(x, expected);
  }
  EXPECT_EQ(seen.size(), 2u);
}

TEST(WindowData, SquareTakesTheSquareAround) {
  const Windows windows(image(6, 6), {"1 1 2 1 2 3"});
  DataLayer data(layer(windows.list, kForeground + "crop_mode: 'square'", "crop_size: 4"));
  const Values x = data.forward();
  for (int h = 0; h < 4; ++h) {
    for (int w = 0; w < 4; ++w) EXPECT_EQ(x[32 + 4 * h + w], 10 * (1 + h) + 1 + w) << h << ' ' << w;
  }
}

TEST(WindowData, SubtractsTheMiddleOfTheMean) {
  const Windows windows(plain_image(4, 100), {"1 1 0 0 1 1"});
  BlobProto mean;
  mean.set_num(1);
  mean.set_channels(3);
  mean.set_height(4);
  mean.set_width(4);
  for (int i = 0; i < 48; ++i) mean.add_data(static_cast<float>(i));
  const std::string file = windows.folder.write("mean.binaryproto", mean.SerializeAsString());
  DataLayer data(layer(windows.list, kForeground, "crop_size: 2 mean_file: '" + file + "'"));
  EXPECT_EQ(data.forward(), (Values{95, 94, 91, 90, 79, 78, 75, 74, 63, 62, 59, 58}));
}

// Five windows of one pixel: two of foreground, two of background, one that is neither.
struct Five : Windows {
  Five() : Windows(image(5, 4), {"3 0.9 0 0 0 0", "4 0.6 1 0 1 0", "5 0.4 2 0 2 0", "6 0.2 3 0 3 0", "7 0 4 0 4 0"}) {}
  std::string layer(const std::string& more = "") const {
    return crema::layer(list, "batch_size: 5 fg_fraction: 0.5 bg_threshold: 0.3 " + more, "crop_size: 1");
  }
};

TEST(WindowData, DrawsBackgroundThenForeground) {
  const Five five;
  DataLayer data(five.layer());
  std::set<float> background, foreground;
  for (int i = 0; i < 30; ++i) {
    const Values x = data.forward(), y = data.values(1);
    for (size_t k = 0; k < 5; ++k) {
      const float red = x[3 * k + 2];
      (k < 3 ? background : foreground).insert(red);
      EXPECT_EQ(y[k], k < 3 ? 0 : 3 + red);
    }
  }
  EXPECT_EQ(background, (std::set<float>{3, 4}));
  EXPECT_EQ(foreground, (std::set<float>{0, 1}));
}

TEST(WindowData, ResumesAtItsPosition) {
  const Five five;
  DataLayer whole(five.layer()), other(five.layer(), TRAIN, 2);
  std::vector<Values> batches, others;
  for (int i = 0; i < 8; ++i) batches.push_back(whole.forward());
  for (int i = 0; i < 8; ++i) others.push_back(other.forward());
  EXPECT_NE(batches, others);
  EXPECT_EQ(whole.forward(true), batches.back());
  for (uint64_t done = 0; done < 8; ++done) {
    DataLayer resumed(five.layer());
    resumed.forward();
    resumed.restore(done * 5);
    for (size_t i = done; i < 8; ++i) EXPECT_EQ(resumed.forward(), batches[i]);
  }
}

TEST(WindowData, KeepsImagesInMemory) {
  const Five five;
  DataLayer read(five.layer()), cached(five.layer("cache_images: true"));
  const Values first = read.forward();
  std::filesystem::remove(five.folder / "a.ppm");
  EXPECT_EQ(cached.forward(), first);
}

TEST(WindowData, TakesListsAsEditorsWriteThem) {
  const TempFolder folder;
  const std::string name = folder.write("a.ppm", image(2, 2));
  const std::string list =
      folder.write("list.txt", "\xef\xbb\xbf# 0\r\n " + name + "\r\n3\r\n2\r\n2\r\n\r\n1\r\n1  1\t0 0 0 0\r\n");
  DataLayer data(layer(list, kForeground, "crop_size: 1"));
  EXPECT_EQ(data.forward(), (Values{100, 50, 0}));
}

// With its context the window is wider than an int can hold. The image's 4 pixels shrink to none of its 1000 pixels.
TEST(WindowData, HugeWindowsWithContext) {
  const Windows windows(plain_image(4, 40), {"1 1 -16777216 -16777216 16777216 16777216"});
  DataLayer data(layer(windows.list, kForeground + "context_pad: 499", "crop_size: 1000"));
  EXPECT_EQ(data.forward(), Values(3'000'000, 0));
}

TEST(WindowData, FindsImagesUnderTheRootFolder) {
  const TempFolder folder;
  folder.write("a.ppm", image(2, 2));
  const std::string list = folder.write("list.txt", "# 0 .ppm 3 2 2 1 1 1 0 0 0 0");
  DataLayer data(layer(list, kForeground + "root_folder: '" + (folder / "a") + "'", "crop_size: 1"));
  EXPECT_EQ(data.forward(), (Values{100, 50, 0}));
}

// --- faults ----------------------------------------------------------------------------------------------------------

TEST(WindowData, RefusesSettings) {
  const Five five;
  const auto said = [&](const std::string& more, const std::string& transform = "crop_size: 4") {
    return message_of([&] { DataLayer{layer(five.list, more, transform)}; });
  };
  EXPECT_EQ(said(""), "batch_size is 0; it must be given and positive");
  EXPECT_EQ(said("batch_size: 1", ""), "crop_size is 0; it must be given and at most 16384");
  EXPECT_EQ(said("batch_size: 1 context_pad: 2"), "context_pad 2 leaves nothing of crop_size 4");
  EXPECT_EQ(said("batch_size: 1 crop_mode: 'round'"), "crop_mode is \"round\"; it is \"warp\" or \"square\"");
  EXPECT_EQ(said("batch_size: 1 fg_fraction: 2"), "fg_fraction is 2; it must lie between 0 and 1");
  EXPECT_EQ(said("batch_size: 1", "crop_size: 4 force_gray: true"),
            "transform_param has force_gray; windows are read with three channels");
  EXPECT_EQ(said("batch_size: 4 fg_threshold: 2"),
            five.list + ": no window has an overlap of 2 (fg_threshold) or more, and a batch takes 1");
  EXPECT_EQ(said("batch_size: 4 bg_threshold: 0"),
            five.list + ": no window has an overlap below 0 (bg_threshold), and a batch takes 3");
}

TEST(WindowData, NamesListAndLine) {
  const TempFolder folder;
  const std::string name = folder.write("a.ppm", image(2, 2)), list = folder / "list.txt";
  const auto said = [&](const std::string& text, const std::string& more = "") {
    folder.write("list.txt", text);
    return message_of([&] { DataLayer(layer(list, kForeground + more, "crop_size: 1")).forward(); });
  };
  const std::string head = "# 0\n" + name + "\n3\n2\n2\n";
  EXPECT_EQ(said(""), list + ": lists no images");
  EXPECT_EQ(said("0 a"), list + ":1: expected \"#\" and the index of an image, found \"0\"");
  EXPECT_EQ(said("# 1\n"), list + ":1: image index 1; they count up from 0, so it must be 0");
  EXPECT_EQ(said("# 0\n" + name + "\n1\n"), list + ":3: an image of 1 channels; images are read with 3");
  EXPECT_EQ(said(head + "2\n1 1 0 0 0 0\n1 1 0 x 0 0\n"), list + ":8: expected a corner, found \"x\"");
  EXPECT_EQ(said(head + "2\n1 1 0 0 0 0\n"), list + ":8: expected a class, found \"\"");
  EXPECT_EQ(said(head + "1\n1 nan 0 0 0 0\n"), list + ":7: the overlap is nan");
  EXPECT_EQ(said(head + "1\n1 1 1 0 0 0\n"), list + ":7: the window from (1, 0) to (0, 0) is empty");
  EXPECT_EQ(said(head + "1\n0 1 0 0 0 0\n"), list + ":7: class 0 with overlap 1; the class of foreground is positive");
  EXPECT_EQ(
      said(head + "1\n1 1 0 0 2 0\n"),
      list + ":7: " + name + ": the window from (0, 0) to (2, 0) is not within the image of 2 x 2 (height x width)");
  EXPECT_EQ(
      said(head + "1\n1 1 9 9 9 9\n", "crop_mode: 'square'"),
      list + ":7: " + name + ": the window from (9, 9) to (9, 9) is outside of the image of 2 x 2 (height x width)");
}

#else

TEST(WindowData, NamesTheOptionThatWasLeftOut) {
  EXPECT_EQ(message_of([] {
              DataLayer{
                  "type: 'WindowData' top: 'x' window_data_param { source: 'none' batch_size: 1 } "
                  "transform_param { crop_size: 1 }"};
            }),
            "image files cannot be decoded by this build: OpenCV was left out (CMake option CREMA_OPENCV)");
}

#endif

}  // namespace
}  // namespace crema

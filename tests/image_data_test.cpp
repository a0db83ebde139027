// The ImageData layer: batches, order, position, scaling, faults. Recorded batches of Caffe's are in data_layer_test.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/array.h"
#include "support/data_files.h"
#include "support/messages.h"

namespace crema {
namespace {

#if defined(CREMA_WITH_OPENCV)

using Values = std::vector<float>;

// An image file of grey pixels, and one of pixels of red, green and blue.
std::string grey(int width, int height, const std::string& pixels) {
  return fmt::format("P5\n{} {}\n255\n", width, height) + pixels;
}
std::string colored(int width, int height, const std::string& pixels) {
  return fmt::format("P6\n{} {}\n255\n", width, height) + pixels;
}

std::string layer(const std::string& list, const std::string& more, const std::string& transform = "",
                  const std::string& tops = "top: 'x' top: 'y'") {
  return "name: 'data' type: 'ImageData' " + tops + " image_data_param { source: '" + list + "' " + more +
         " } transform_param { " + transform + " }";
}

TEST(ImageData, ReadsPlanesAndLabelsInTheOrderOfTheList) {
  const TempFolder folder;
  folder.write("one.ppm", colored(2, 1, "\1\2\3\4\5\6"));
  folder.write("with two spaces.ppm", colored(2, 1, counting(6, 11)));
  const std::string list = folder.write("list.txt", "one.ppm 7\r\n\n  with two spaces.ppm -3  \none.ppm\t0");
  DataLayer data(layer(list, "batch_size: 2 root_folder: '" + (folder / "") + "'"));
  EXPECT_EQ(data.tops[0]->shape(), (Shape{2, 3, 1, 2}));
  EXPECT_EQ(data.tops[1]->shape(), (Shape{2}));
  // The order is blue, green, red. A name is everything before the last blanks.
  EXPECT_EQ(data.forward(), (Values{3, 6, 2, 5, 1, 4, 13, 16, 12, 15, 11, 14}));
  EXPECT_EQ(data.values(1), (Values{7, -3}));
  EXPECT_EQ(data.forward(), (Values{3, 6, 2, 5, 1, 4, 3, 6, 2, 5, 1, 4}));
  EXPECT_EQ(data.values(1), (Values{0, 7}));
  EXPECT_EQ(data.position(), 4u);
}

TEST(ImageData, TakesListsAsEditorsWriteThem) {
  const TempFolder folder;
  const std::string one = folder.write("one.pgm", grey(1, 1, "\5")), two = folder.write("t wo.pgm", grey(1, 1, "\6"));
  for (const std::string& text :
       {one + " 3\n" + two + " 4\n", "\xef\xbb\xbf" + one + " 3\r\n" + two + " 4\r\n", one + "  3\n" + two + "\t \t4",
        "\n \t\r\n  " + one + " 3  \n\t" + two + "   4 \t\r\n\r\n", "\xef\xbb\xbf\n " + one + " 3\n\n" + two + " 4"}) {
    DataLayer data(layer(folder.write("list.txt", text), "batch_size: 2 is_color: false"));
    EXPECT_EQ(data.forward(), (Values{5, 6})) << text;
    EXPECT_EQ(data.values(1), (Values{3, 4})) << text;
  }
  const std::string wide = folder.write("list.txt", std::string("\xff\xfe"
                                                                "a\0",
                                                                4));
  EXPECT_EQ(message_of([&] { DataLayer{layer(wide, "")}; }), wide + ": is UTF-16; save it as UTF-8");
  const std::string binary = folder.write("list.txt", std::string("a.pgm 1\0\n", 9));
  EXPECT_EQ(message_of([&] { DataLayer{layer(binary, "")}; }),
            binary + ": holds a NUL character: a list is a text file");
}

TEST(ImageData, LooksForImagesBesideTheNet) {
  const TempFolder folder;
  folder.write("one.pgm", grey(1, 1, "\5"));
  folder.write("list.txt", "ne.pgm 1\n");
  DataLayer data(layer("list.txt", "root_folder: 'o' is_color: false", "", "top: 'x'"), TRAIN, 1,
                 folder / "net.prototxt");
  EXPECT_EQ(data.tops[0]->shape(), (Shape{1, 1, 1, 1}));
  EXPECT_EQ(data.forward(), (Values{5}));
}

TEST(ImageData, ScalesBilinearly) {
  const TempFolder folder;
  const std::string wide = folder.write("wide.pgm", grey(2, 1, std::string("\0\144", 2)));
  const std::string tall = folder.write("tall.pgm", grey(1, 2, "\10\20"));
  const std::string list = folder.write("list.txt", wide + " 0\n" + tall + " 1\n");
  DataLayer data(layer(list, "batch_size: 2 is_color: false new_height: 1 new_width: 4"));
  EXPECT_EQ(data.tops[0]->shape(), (Shape{2, 1, 1, 4}));
  // Pixel i of the result is at position (i + 1/2) / 2 - 1/2 of the image's two pixels.
  EXPECT_EQ(data.forward(), (Values{0, 25, 75, 100, 12, 12, 12, 12}));
}

TEST(ImageData, Transforms) {
  const TempFolder folder;
  const std::string image = folder.write("a.pgm", grey(3, 3, counting(9)));
  const std::string list = folder.write("list.txt", image + " 0\n");
  DataLayer data(layer(list, "", "crop_size: 1 scale: 0.5 mean_value: 1 mean_value: 2 mean_value: 3"), TEST);
  EXPECT_EQ(data.forward(), (Values{1.5f, 1, 0.5f}));
}

// Ten images of one pixel, 0 to 9, labelled 10 to 19, read in batches of four.
struct Ten {
  TempFolder folder;
  std::string list;
  Ten() {
    std::string lines;
    for (int i = 0; i < 10; ++i) {
      lines += fmt::format("{} {}\n", folder.write(fmt::format("{}.pgm", i), grey(1, 1, counting(1, i))), 10 + i);
    }
    list = folder.write("list.txt", lines);
  }
  std::string layer(const std::string& more) const {
    return crema::layer(list, "batch_size: 4 is_color: false " + more);
  }
};

TEST(ImageData, ResumesAtItsPosition) {
  const Ten ten;
  for (const char* more : {"", "shuffle: true", "shuffle: true rand_skip: 7"}) {
    DataLayer whole(ten.layer(more));
    std::vector<Values> batches;
    for (int i = 0; i < 8; ++i) batches.push_back(whole.forward());
    EXPECT_EQ(whole.forward(true), batches.back());
    EXPECT_EQ(whole.position(), 32u);
    for (uint64_t done = 0; done < 8; ++done) {
      DataLayer resumed(ten.layer(more));
      resumed.forward();
      resumed.restore(done * 4);
      for (size_t i = done; i < 8; ++i) EXPECT_EQ(resumed.forward(), batches[i]) << more;
    }
  }
}

TEST(ImageData, ShufflesByTheSeed) {
  const Ten ten;
  const auto epochs = [&](uint64_t seed) {
    DataLayer data(ten.layer("shuffle: true"), TRAIN, seed);
    Values all;
    for (int i = 0; i < 5; ++i) {
      const Values x = data.forward(), y = data.values(1);
      for (size_t k = 0; k < x.size(); ++k) EXPECT_EQ(y[k], x[k] + 10);
      all.insert(all.end(), x.begin(), x.end());
    }
    return all;
  };
  const Values one = epochs(1);
  EXPECT_EQ(std::set<float>(one.begin(), one.begin() + 10).size(), 10u);
  EXPECT_EQ(std::set<float>(one.begin() + 10, one.end()).size(), 10u);
  EXPECT_FALSE(std::equal(one.begin(), one.begin() + 10, one.begin() + 10));
  EXPECT_EQ(one, epochs(1));
  EXPECT_NE(one, epochs(2));
}

TEST(ImageData, SkipsAtRandomAtTheStart) {
  const Ten ten;
  std::set<float> firsts;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    firsts.insert(DataLayer(ten.layer("rand_skip: 3"), TRAIN, seed).forward()[0]);
  }
  EXPECT_EQ(firsts, (std::set<float>{0, 1, 2}));
}

// --- faults ----------------------------------------------------------------------------------------------------------

TEST(ImageData, RefusesSettings) {
  const Ten ten;
  const auto said = [&](const std::string& more, const std::string& transform = "") {
    return message_of([&] { DataLayer{layer(ten.list, more, transform)}; });
  };
  EXPECT_EQ(said("batch_size: 0"), "batch_size is 0; it must be positive");
  EXPECT_EQ(said("new_height: 3"), "new_height is 3 and new_width is 0; give both or neither");
  EXPECT_EQ(said("new_height: 3 new_width: 70000"), "new_height is 3 and new_width is 70000; at most 65536");
  EXPECT_EQ(said("", "force_gray: true"), "transform_param has force_gray; is_color decides how images are decoded");
  EXPECT_EQ(said("", "crop_size: 2"), "crop_size 2 is larger than the image of 3 x 1 x 1");
  EXPECT_EQ(message_of([] { DataLayer{"type: 'ImageData' top: 'x'"}; }), "source is not given");
}

TEST(ImageData, NamesListAndLine) {
  const TempFolder folder;
  const std::string image = folder.write("a.pgm", grey(1, 1, "\5"));
  const auto said = [&](const std::string& lines) {
    const std::string list = folder.write("list.txt", lines);
    return message_of([&] { DataLayer(layer(list, "batch_size: 2")).forward(); });
  };
  const std::string list = folder / "list.txt";
  EXPECT_EQ(said("\n \n"), list + ": lists no images");
  EXPECT_EQ(said(image + " 0\n\nb.pgm\n"), list + ":3: \"b.pgm\" is no path, space and label");
  EXPECT_EQ(said(image + " 0\nb.pgm one\n"), list + ":2: the label \"one\" is not a whole number");
  EXPECT_EQ(said(image + " 1.5\n"), list + ":1: the label \"1.5\" is not a whole number");
  EXPECT_EQ(said(image + " 0\n/none.pgm 1\n"), list + ":2: /none.pgm: image \"/none.pgm\" does not exist");
  const std::string text = folder.write("text.pgm", "no image at all");
  EXPECT_EQ(said(image + " 0\n" + text + " 1\n"),
            list + ":2: " + text + ": not an image file of a kind that is read: JPEG, PNG, BMP, WebP, TIFF or PNM");
  const std::string larger = folder.write("larger.pgm", grey(2, 1, "\5\5"));
  EXPECT_EQ(said(image + " 0\n" + larger + " 1\n"),
            list + ":2: " + larger + ": its shape is 3 1 2, that of record 0 is 3 1 1");
  EXPECT_EQ(message_of([&] { DataLayer{layer("/none", "")}; }), "list of images \"/none\" does not exist");
}

#else

TEST(ImageData, NamesTheOptionThatWasLeftOut) {
  const TempFolder folder;
  const std::string list = folder.write("list.txt", "a.png 0\n");
  EXPECT_EQ(message_of([&] { DataLayer{"type: 'ImageData' top: 'x' image_data_param { source: '" + list + "' }"}; }),
            "image files cannot be decoded by this build: OpenCV was left out (CMake option CREMA_OPENCV)");
}

#endif

}  // namespace
}  // namespace crema

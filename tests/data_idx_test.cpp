// Files in the format of MNIST: what is read, and what is refused with which message.
#include <gtest/gtest.h>

#include "data/record_source.h"
#include "support/data_files.h"
#include "support/messages.h"

namespace crema {
namespace {

const std::string kImages = idx_file({3, 2, 2}, counting(12, 250));
const std::string kLabels = idx_file({3}, counting(3, 7));

std::unique_ptr<RecordSource> open(const std::string& source, const std::string& more = "", bool labels = true) {
  SourceOptions options;
  options.labels = labels;
  return open_records(parsed<DataParameter>("backend: IDX source: '" + source + "' " + more), options);
}

void expect_three(RecordSource& source) {
  ASSERT_EQ(source.size(), 3u);
  for (int i : {2, 0, 1}) {
    Record record;
    record.floats = {1};
    source.read(static_cast<uint64_t>(i), &record);
    EXPECT_EQ(record.count(), 4);
    EXPECT_EQ(record.bytes, counting(4, 250 + 4 * i));
    EXPECT_TRUE(record.floats.empty());
    EXPECT_EQ(record.label, 7 + i);
  }
}

struct Good {
  const char* images;  // file names
  const char* labels;
  const char* source;  // the source in the configuration
};

void PrintTo(const Good& good, std::ostream* out) { *out << good.source; }

class IdxGood : public testing::TestWithParam<Good> {};

TEST_P(IdxGood, IsRead) {
  const TempFolder folder;
  const auto write = [&](const std::string& name, const std::string& bytes) {
    folder.write(name, name.ends_with(".gz") ? gzip(bytes) : bytes);
  };
  write(GetParam().images, kImages);
  write(GetParam().labels, kLabels);
  expect_three(*open(folder / GetParam().source));
}

INSTANTIATE_TEST_SUITE_P(
    Names, IdxGood,
    testing::Values(Good{"t-images-idx3-ubyte", "t-labels-idx1-ubyte", "t-images-idx3-ubyte"},
                    Good{"t-images-idx3-ubyte.gz", "t-labels-idx1-ubyte.gz", "t-images-idx3-ubyte.gz"},
                    Good{"t-images-idx3-ubyte.gz", "t-labels-idx1-ubyte.gz", "t-images-idx3-ubyte"},
                    Good{"t-images-idx3-ubyte", "t-labels-idx1-ubyte", "t-images-idx3-ubyte.gz"},
                    Good{"t-images-idx3-ubyte", "t-labels-idx1-ubyte.gz", "t-images-idx3-ubyte"},
                    Good{"images-idx3.gz", "labels-idx1", "images-idx3"}));

TEST(Idx, FourAxesLabelSourceAndNoLabels) {
  const TempFolder folder;
  const std::string images = folder.write("rgb", idx_file({2, 3, 1, 2}, counting(12)));
  folder.write("numbers.gz", gzip(idx_file({2}, counting(2, 4))));
  Record record;
  const auto source = open(images, "label_source: '" + (folder / "numbers") + "'");
  source->read(1, &record);
  EXPECT_EQ(record.channels, 3);
  EXPECT_EQ(record.height, 1);
  EXPECT_EQ(record.width, 2);
  EXPECT_EQ(record.bytes, counting(6, 6));
  EXPECT_EQ(record.label, 5);
  open(images, "", false)->read(1, &record);
  EXPECT_EQ(record.label, 0);
  EXPECT_NE(message_of([&] { open(images); }).find("label_source"), std::string::npos);
}

TEST(Idx, GzipInSeveralMembersAndUnderAnotherName) {
  const TempFolder folder;
  folder.write("t-labels-idx1-ubyte", gzip(kLabels));  // packed, whatever the name says
  expect_three(*open(folder.write("t-images-idx3-ubyte.gz", gzip(kImages.substr(0, 9)) + gzip(kImages.substr(9)))));
}

struct Bad {
  const char* what;
  std::string images;
  std::string labels;
  const char* message;  // after the path of the file at fault
};

const std::vector<Bad>& bad_files() {
  static const std::vector<Bad> rows = {
      {"empty", "", kLabels, "holds 0 bytes, too few for an IDX file"},
      {"tiny", kImages.substr(0, 3), kLabels, "holds 3 bytes, too few for an IDX file"},
      {"magic", "PNG...........", kLabels,
       "is not an IDX file of images: its first bytes are 504e472e and should be 00000803"},
      {"floats", std::string("\0\0\x0d\x03", 4) + kImages.substr(4), kLabels,
       "is not an IDX file of images: its first bytes are 00000d03 and should be 00000803"},
      {"swapped", kLabels, kImages,
       "is not an IDX file of images: its first bytes are 00000801 and should be 00000803"},
      {"axes", idx_file({1, 1, 1, 1, 1}, "x"), kLabels,
       "is not an IDX file of images: its first bytes are 00000805 and should be 00000803"},
      {"header", kImages.substr(0, 9), kLabels, "ends within its header"},
      {"short", kImages.substr(0, 27), kLabels, "11 bytes follow the header, which announces 12 (3 x 2 x 2 images)"},
      {"long", kImages + "x", kLabels, "13 bytes follow the header, which announces 12 (3 x 2 x 2 images)"},
      {"none", idx_file({0, 28, 28}, ""), kLabels, "is empty: 0 x 28 x 28 images"},
      {"flat", idx_file({3, 0, 28}, ""), kLabels, "is empty: 3 x 0 x 28 images"},
      {"absurd", idx_file({1u << 31, 1u << 31, 1u << 31}, counting(12)), kLabels,
       "2147483648 x 2147483648 x 2147483648 images are more than the 4294967296 bytes that are read at most"},
      {"overflow", idx_file({1u << 31, 1u << 31, 1u << 31, 1u << 31}, ""), kLabels,
       "2147483648 x 2147483648 x 2147483648 x 2147483648 images are more than the 4294967296 bytes that are read at "
       "most"},
      {"claims", idx_file({4000, 1000, 1000}, "x"), kLabels,
       "1 bytes follow the header, which announces 4000000000 (4000 x 1000 x 1000 images)"},
      {"wide", idx_file({1, 1, 1u << 31}, ""), kLabels,
       "0 bytes follow the header, which announces 2147483648 (1 x 1 x 2147483648 images)"},
      {"packed_claims", gzip(idx_file({4000, 1000, 1000}, "x")), kLabels,
       "4000 x 1000 x 1000 images cannot be packed into"},
      {"packed_short", gzip(kImages.substr(0, 27)), kLabels,
       "11 bytes follow the header, which announces 12 (3 x 2 x 2 images)"},
      {"bomb", gzip(kImages + std::string(50'000'000, '\0')), kLabels,
       "more bytes follow than the header announces: 3 x 2 x 2 images"},
      {"cut_gzip", gzip(kImages).substr(0, 25), kLabels, "cannot be unpacked: it ends too early"},
      {"bad_gzip", gzip(kImages).replace(12, 4, "\xff\xff\xff\xff"), kLabels, "cannot be unpacked: "},
      {"bad_checksum", gzip(kImages).replace(gzip(kImages).size() - 8, 4, "abcd"), kLabels, "cannot be unpacked: "},
  };
  return rows;
}

void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.what; }

class IdxBad : public testing::TestWithParam<Bad> {};

TEST_P(IdxBad, IsRefused) {
  const TempFolder folder;
  const std::string images = folder.write("t-images-idx3-ubyte", GetParam().images);
  folder.write("t-labels-idx1-ubyte", GetParam().labels);
  const std::string message = message_of([&] { open(images); });
  EXPECT_TRUE(message.starts_with(images + ": " + GetParam().message)) << message;
}

INSTANTIATE_TEST_SUITE_P(Files, IdxBad, testing::ValuesIn(bad_files()),
                         [](const auto& info) { return std::string(info.param.what); });

TEST(Idx, LabelsAreRefused) {
  const TempFolder folder;
  const std::string images = folder.write("t-images-idx3-ubyte", kImages), labels = folder / "t-labels-idx1-ubyte";
  EXPECT_EQ(message_of([&] { open(images); }),
            "file of labels \"" + labels + "\" does not exist, and neither is " + labels + ".gz");
  folder.write("t-labels-idx1-ubyte", idx_file({2}, counting(2)));
  EXPECT_EQ(message_of([&] { open(images); }), labels + " holds 2 labels and " + images + " holds 3 images");
  folder.write("t-labels-idx1-ubyte", kImages);
  EXPECT_EQ(message_of([&] { open(images); }),
            labels + ": is not an IDX file of labels: its first bytes are 00000803 and should be 00000801");
  EXPECT_EQ(message_of([&] { open(folder / ""); }),
            (folder / "") + ": is a folder; backend IDX reads a file of images");
  EXPECT_EQ(message_of([&] { open("/no/such"); }),
            "file of images \"/no/such\" does not exist, and neither is /no/such.gz");
}

// A truncated file is never taken for a whole one, and a damaged byte never does more than throw.
TEST(Idx, EveryCutAndEveryDamagedByte) {
  const TempFolder folder;
  folder.write("t-labels-idx1-ubyte", kLabels);
  for (const std::string& whole : {kImages, gzip(kImages)}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::string path = folder.write("t-images-idx3-ubyte", whole.substr(0, size));
      EXPECT_NE(message_of([&] { open(path); }), "no error") << size;
    }
    for (size_t at = 0; at < whole.size(); ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(~damaged[at]);
      const std::string path = folder.write("t-images-idx3-ubyte", damaged);
      const std::string message = message_of([&] { open(path); });
      if (whole == kImages && at < 16) {
        EXPECT_NE(message, "no error") << at;
      }
    }
  }
}

}  // namespace
}  // namespace crema

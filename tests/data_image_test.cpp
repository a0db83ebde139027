// Image files: which are read, what is refused before it is decoded, and damage.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "data/hdf5_file.h"
#include "data/image.h"
#include "data/image_header.h"
#include "support/data_files.h"
#include "support/messages.h"

#ifdef CREMA_WITH_OPENCV
#include <opencv2/imgcodecs.hpp>

namespace crema {
namespace {

using namespace std::string_literals;

std::string encoded(const std::string& ending, int height = 5, int width = 7, const std::vector<int>& flags = {}) {
  cv::Mat image(height, width, CV_8UC3);
  for (int h = 0; h < height; ++h) {
    for (int w = 0; w < width; ++w) {
      image.at<cv::Vec3b>(h, w) = {static_cast<unsigned char>(h * 40), static_cast<unsigned char>(w * 30), 99};
    }
  }
  std::vector<unsigned char> bytes;
  check(cv::imencode("." + ending, image, bytes, flags), "no {}", ending);
  return {bytes.begin(), bytes.end()};
}

const std::vector<std::string> kEndings = {"jpg", "png", "bmp", "webp", "tiff", "ppm"};

std::string said(const std::string& bytes, const Decoding& decoding = {}) {
  return message_of([&] {
    Record record;
    decode_image(bytes, decoding, &record);
  });
}

TEST(Images, SixFormatsAreRead) {
  for (const std::string& ending : kEndings) {
    Record record;
    decode_image(encoded(ending), {Channels::color}, &record);
    EXPECT_EQ(record.channels, 3) << ending;
    EXPECT_EQ(record.height, 5) << ending;
    EXPECT_EQ(record.width, 7) << ending;
    EXPECT_NEAR(static_cast<unsigned char>(record.bytes[2 * 35]), 99, 12) << ending;
    const ImageHeader header = read_image_header(encoded(ending), 35);
    EXPECT_EQ(header.height, 5u) << ending;
    EXPECT_EQ(header.width, 7u) << ending;
  }
}

TEST(Images, OtherKindsReachNoDecoder) {
  const std::string wanted = "not an image file of a kind that is read: JPEG, PNG, BMP, WebP, TIFF or PNM";
  const std::string dicom = std::string(128, '\0') + "DICM\2\0\x10\0UI\x14\0"s + "1.2.840.10008.1.2.1\0"s;
  const std::string slow = "/1\xff\xd3\x18"s + std::string(10, '\x88') + std::string(12, '>') + "\x88\x88\x88\xd8\xff";
  for (const std::string& bytes :
       {dicom, slow, "GIF89a\1\0\1\0"s, "P7\nWIDTH 1\n"s, "#?RADIANCE\n"s, "PF\n1 1\n-1\n"s, "\x59\xa6\x6a\x95"s,
        "\0\0\0\xcjP  \r\n\x87\n"s, "v/1\1\2\0\0\0"s, "RIFF"s, "\xff\xd8"s, "P5"s, "x"s, std::string(1000, '\0')}) {
    EXPECT_EQ(said(bytes), wanted) << bytes.substr(0, 20);
  }
}

// The size is read from the header; the rest of the file is not needed.
TEST(Images, HugeOnesAreRefusedBeforeTheyAreDecoded) {
  const std::string png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x3e\x80\0\0\x3e\x80\1\0\0\0\0"s;
  EXPECT_EQ(said(png),
            "a PNG image of 16000 x 16000 pixels (height x width), more than transform_param's max_pixels, 67108864");
  const std::vector<std::string> claims = {
      "\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\3"s,
      "BM"s + std::string(12, '\0') + "\x28\0\0\0\xff\xff\0\0\0\0\0\x80"s,
      "BM"s + std::string(12, '\0') + "\x0c\0\0\0\xff\xff\xff\xff"s,
      "RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff"s,
      "RIFF\0\0\0\0WEBPVP8L\x0a\0\0\0\x2f\xff\xff\xff\xff"s,
      "RIFF\0\0\0\0WEBPVP8 \x0a\0\0\0\0\0\0\x9d\1\x2a\xff\xff\xff\xff"s,
      "II*\0\x08\0\0\0\2\0\0\1\3\0\1\0\0\0\xff\xff\0\0\1\1\4\0\1\0\0\0\xff\xff\xff\xff"s,
      "MM\0*\0\0\0\x08\0\3\1\0\0\3\0\0\0\1\0\1\0\0\1\1\0\3\0\0\0\1\0\1\0\0\1\x42\0\4\0\0\0\1\x7f\0\0\0"s,
      "P6 # a note\n99999999999999999999 2000\n255\n"s,
      "P1\n100000 100000\n"s};
  for (const std::string& bytes : claims) {
    EXPECT_NE(said(bytes, {Channels::color, 1 << 20}).find("more than transform_param's max_pixels, 1048576"),
              std::string::npos)
        << bytes << ": " << said(bytes, {Channels::color, 1 << 20});
  }
  for (const std::string& ending : kEndings) {
    EXPECT_EQ(said(encoded(ending), {Channels::color, 35}), "no error") << ending;
    EXPECT_NE(said(encoded(ending), {Channels::color, 34}).find("max_pixels, 34"), std::string::npos) << ending;
  }
}

// Only the size in whole files is changed: decoders would invent the missing pixels.
TEST(Images, ASizeThatTheBytesCannotFillIsDamage) {
  std::string jpeg = encoded("jpg");
  const size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, "\x1f\x40\x1f\x40"s);
  const std::string fault =
      fmt::format(" file: it announces 8000 x 8000 pixels, for which {} bytes are too few", jpeg.size());
  EXPECT_EQ(said(jpeg), "a damaged JPEG" + fault);
  const std::string runs =
      "BM"s + std::string(12, '\0') + "\x28\0\0\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0\1\0\0\0"s + std::string(20, '\0');
  EXPECT_NE(said(runs).find("it announces 8000 x 8000 pixels"), std::string::npos) << said(runs);
}

TEST(Images, DamageIsAnErrorAndPrintsNothing) {
  testing::internal::CaptureStderr();
  for (const std::string& ending : kEndings) {
    const std::string whole = encoded(ending);
    const size_t step = ending == "tiff" ? 19 : 1;  // each is decoded in its own process
    int refused = 0;
    for (size_t at = 0; at < whole.size(); at += step) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(~damaged[at]);
      for (const std::string& bytes : {damaged, whole.substr(0, at)}) {
        refused += said(bytes, {Channels::as_stored, 1 << 20}) != "no error";
      }
    }
    EXPECT_GT(refused, 5) << ending;
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(said(encoded("png").substr(0, 40)), "a damaged PNG file: OpenCV cannot read it");
  EXPECT_EQ(said(encoded("tiff").substr(0, 6)), "a damaged TIFF file: it ends within its header");
}

TEST(Images, APngsTextsAreNotUnpacked) {
  const std::string whole = encoded("png"), large(size_t{1} << 20, 'x');
  const std::string packed = gzip(large);
  std::string text = "a\0\0"s + packed.substr(8);
  std::string chunk =
      "\0\0"s + static_cast<char>(text.size() >> 8) + static_cast<char>(text.size() & 255) + "zTXt" + text;
  chunk += "\1\2\3\4";
  EXPECT_EQ(said(whole.substr(0, 33) + chunk + whole.substr(33)), "no error");
}

TEST(Images, AJpegOfManyScansIsRefused) {
  const std::string whole = encoded("jpg", 40, 40, {cv::IMWRITE_JPEG_PROGRESSIVE, 1});
  EXPECT_EQ(said(whole), "no error");
  const size_t last = whole.rfind("\xff\xda"), end = whole.size() - 2;
  std::string many = whole.substr(0, end);
  for (int i = 0; i < 100; ++i) many += whole.substr(last, end - last);
  EXPECT_EQ(said(many + whole.substr(end)), "a damaged JPEG file: it has more than 64 scans");
}

TEST(Images, PipesAndDevicesAreNotWaitedFor) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(message_of([&] { read_image(folder / "pipe"); }), (folder / "pipe") + ": is a pipe, not a file");
  EXPECT_EQ(message_of([&] { read_image("/dev/zero"); }), "/dev/zero: is a device or a socket, not a file");
  EXPECT_EQ(message_of([&] { read_image(folder / ""); }), (folder / "") + ": is a folder, not a file");
  EXPECT_EQ(message_of([&] { Hdf5File(folder / "pipe"); }), (folder / "pipe") + ": is a pipe, not a file");
}

TEST(Images, LayersHaveTheLimit) {
  const TempFolder folder;
  const std::string image = folder.write("a.ppm", encoded("ppm")), list = folder.write("list", image + " 3\n");
  const auto with = [&](const std::string& more, const std::string& pixels) {
    return message_of([&] {
      DataLayer{"type: 'ImageData' top: 'x' image_data_param { source: '" + list + "' " + more +
                "} transform_param { max_pixels: " + pixels + " }"};
    });
  };
  EXPECT_EQ(with("", "35"), "no error");
  EXPECT_NE(with("", "34").find("max_pixels, 34"), std::string::npos);
  EXPECT_EQ(with("", "0"), "max_pixels is 0; it must be positive");
  EXPECT_EQ(with("new_height: 6 new_width: 6", "35"), "new_height is 6 and new_width is 6; max_pixels is 35");
}

}  // namespace
}  // namespace crema
#endif

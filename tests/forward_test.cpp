// Forward passes with literal numbers, on each engine: a gradient check cannot see a wrong function that is
// differentiated correctly.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "rows/rows.h"
#include "support/array.h"
#include "support/data_files.h"
#include "support/golden.h"
#include "support/largest_error.h"

namespace crema {
namespace {

constexpr double kTolerance = 1e-6;
const char* const kTopNames[] = {"data", "label", "third"};  // the names that data sets of {files} have

std::string big_endian(uint32_t number) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(number >> shift & 255);
  return bytes;
}

// Two images of 3 x 4 pixels, 0 to 11 and 100 to 111, with labels 7 and 3; in "others" 9 and 8. Rows of HDF5, and
// weights of 3 x 3.
void write_files(const TempFolder& folder) {
  std::string pixels;
  for (const int first : {0, 100}) {
    for (int i = 0; i < 12; ++i) pixels += static_cast<char>(first + i);
  }
  const auto image_header = big_endian(0x803) + big_endian(2) + big_endian(3) + big_endian(4);
  const auto label_header = big_endian(0x801) + big_endian(2);
  folder.write("a-images-idx3-ubyte", image_header + pixels);
  folder.write("a-labels-idx1-ubyte", label_header + "\7\3");
  folder.write("others", label_header + "\t\b");
  write_hdf5(folder / "first.h5", {{"data", {{2, 2}, {1, 2, 3, 4}}}, {"label", {{2}, {10, 20}}}});
  write_hdf5(folder / "second.h5", {{"data", {{2, 2}, {5, 6, 7, 8}}}, {"label", {{2}, {30, 40}}}});
  BlobProto gain;
  for (const long dim : {1, 1, 3, 3}) gain.mutable_shape()->add_dim(dim);
  for (const float weight : {1.f, 0.5f, -0.25f, 0.f, 2.f, 0.f, 0.5f, 0.5f, 3.f}) gain.add_data(weight);
  folder.write("gain.binaryproto", gain.SerializeAsString());
  folder.write("hdf5.txt", folder / "first.h5\n" + folder / "second.h5\n");
}

std::string net_text(const ForwardRow& row, const TempFolder& files) {
  std::string text, layer = row.layer;
  for (size_t at; (at = layer.find("{files}/")) != std::string::npos;) layer.replace(at, 8, files / "");
  for (size_t b = 0; b < row.bottoms.size(); ++b) {
    std::string dims;
    for (const long dim : row.bottoms[b].dims) dims += fmt::format("dim: {} ", dim);
    text +=
        fmt::format("layer {{ name: 'in{0}' type: 'Input' top: 'in{0}' input_param {{ shape {{ {1}}} }} }}\n", b, dims);
    layer += fmt::format(" bottom: 'in{}'", b);
  }
  for (size_t t = 0; t < row.tops.arrays.size(); ++t) layer += fmt::format(" top: '{}'", kTopNames[t]);
  return text + "layer { name: 'L' " + layer + " }\n";
}

void run(const ForwardRow& row, Engine engine, const TempFolder& files) {
  NetState state;
  state.set_phase(row.phase);
  NetOptions options;
  options.engine = engine;
  options.backward = false;
  Net net(filter(parse_net(net_text(row, files), row.name), state), options);
  for (size_t b = 0; b < row.bottoms.size(); ++b) {
    const auto& values = row.bottoms[b].values;
    Blob& input = net.input(fmt::format("in{}", b));
    ASSERT_EQ(input.count(), static_cast<long>(values.size()));
    std::copy(values.begin(), values.end(), input.mutable_data());
  }
  auto& parameters = net.layer(net.layer_index("L")).parameters();
  for (size_t k = 0; k < row.parameters.size(); ++k) {
    const Array values{Shape(row.parameters[k].dims), row.parameters[k].values};
    copy_values(values, parameters.at(k).shape(), parameters[k].mutable_data(), fmt::format("parameter {}", k));
    parameters[k].raise_version();
  }
  net.forward();
  for (size_t t = 0; t < row.tops.arrays.size(); ++t) {
    const Literal& expected = row.tops.arrays[t];
    const Blob& top = net.value(kTopNames[t]);
    EXPECT_TRUE(row.tops.any_shape || top.shape().dims() == expected.dims) << "top " << t << ": " << top.shape().str();
    ASSERT_EQ(top.count(), static_cast<long>(expected.values.size())) << "top " << t;
    for (size_t i = 0; i < expected.values.size(); ++i) {
      const float scale = std::max(1.f, std::abs(expected.values[i]));
      EXPECT_NEAR(top.data()[i] / scale, expected.values[i] / scale, kTolerance) << "top " << t << ", element " << i;
      LargestError::note(std::abs(top.data()[i] - expected.values[i]) / scale);
    }
  }
}

class Forward : public testing::TestWithParam<ForwardRow> {};

TEST_P(Forward, GivesTheseNumbers) {
  const TempFolder files;
  write_files(files);
  for (const auto& [name, engine] : golden_engines()) {
    SCOPED_TRACE("on the engine " + name);
    run(GetParam(), engine, files);
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, Forward, testing::ValuesIn(forward_rows()),
                         [](const auto& info) { return info.param.name; });

// Rows cannot test this, since the numbers are random: values are dropped at the given rate, the others are scaled so
// that the mean stays, and every pass drops other values.
TEST(Dropout, DropsTheShareThatItIsTold) {
  const std::string text =
      "layer { name: 'in' type: 'Input' top: 'x' input_param { shape { dim: 100000 } } }"
      "layer { name: 'L' type: 'Dropout' bottom: 'x' top: 'y' dropout_param { dropout_ratio: 0.3 } }";
  NetState state;
  state.set_phase(TRAIN);
  Net net(filter(parse_net(text, "dropout"), state), NetOptions());
  std::vector<std::vector<float>> passes;
  for (int pass = 0; pass < 2; ++pass) {
    std::fill_n(net.input("x").mutable_data(), net.input("x").count(), 7.f);
    net.forward();
    const float* y = net.value("y").data();
    passes.emplace_back(y, y + net.value("y").count());
    const auto dropped = std::count(passes.back().begin(), passes.back().end(), 0.f);
    EXPECT_NEAR(static_cast<double>(dropped) / 100000, 0.3, 0.01);
    for (const float value : passes.back()) ASSERT_TRUE(value == 0 || std::abs(value - 10) < 1e-5f) << value;
  }
  EXPECT_NE(passes[0], passes[1]);
}

}  // namespace
}  // namespace crema

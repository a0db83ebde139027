// The HDF5Data layer and the files that it reads.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>

#include "data/hdf5_file.h"
#include "data/hdf5_rows.h"
#include "support/array.h"
#include "support/data_files.h"
#include "support/messages.h"

namespace crema {
namespace {

namespace fs = std::filesystem;
using Values = std::vector<float>;

// An array whose values count up from `first`.
Array array(const Shape& shape, float first) {
  Array result{shape, Values(static_cast<size_t>(shape.count()))};
  std::iota(result.values.begin(), result.values.end(), first);
  return result;
}

// Files of 3, 1, 0 and 4 rows; row r of all has x = (r, r + 0.5) as 1 x 2, and y = 10 r.
struct Eight {
  TempFolder folder;
  Eight() {
    float row = 0;
    std::string list;
    for (const long rows : {3, 1, 0, 4}) {
      Array x{{rows, 1, 2}, {}}, y{{rows}, {}};
      for (long i = 0; i < rows; ++i, ++row) {
        x.values.insert(x.values.end(), {row, row + 0.5f});
        y.values.push_back(10 * row);
      }
      const std::string name = fmt::format("{}.h5", rows);
      write_hdf5(folder / name, {{"x", x}, {"y", y}});
      list += "  " + name + "\r\n\n";
    }
    folder.write("list.txt", list);
  }
  std::string layer(const std::string& more, const std::string& tops = "top: 'y' top: 'x'") const {
    return "name: 'data' type: 'HDF5Data' " + tops + " hdf5_data_param { source: '" + (folder / "list.txt") +
           "' batch_size: 3 " + more + " }";
  }
};

TEST(Hdf5Data, BatchesCrossFilesAndWrapAround) {
  const Eight eight;
  DataLayer data(eight.layer(""));
  EXPECT_EQ(data.tops[0]->shape(), (Shape{3}));
  EXPECT_EQ(data.tops[1]->shape(), (Shape{3, 1, 2}));
  EXPECT_EQ(data.forward(), (Values{0, 10, 20}));
  EXPECT_EQ(data.forward(), (Values{30, 40, 50}));
  EXPECT_EQ(data.values(1), (Values{3, 3.5, 4, 4.5, 5, 5.5}));
  EXPECT_EQ(data.forward(), (Values{60, 70, 0}));
  EXPECT_EQ(data.forward(true), (Values{60, 70, 0}));
  EXPECT_EQ(data.position(), 9u);
  EXPECT_EQ(data.forward(), (Values{10, 20, 30}));
  data.restore(6);
  EXPECT_EQ(data.forward(true), (Values{30, 40, 50}));
  EXPECT_EQ(data.forward(), (Values{60, 70, 0}));
}

TEST(Hdf5Data, ShufflesFilesAndRowsAndResumes) {
  const Eight eight;
  const auto rows = [&](uint64_t first, uint64_t count, uint64_t seed = 1) {
    DataLayer data(eight.layer("shuffle: true"), TRAIN, seed);
    data.forward();
    data.restore(first);
    Values all;
    for (uint64_t i = 0; i < count; i += 3) {
      const Values y = data.forward(), x = data.values(1);
      for (size_t k = 0; k < 3; ++k) EXPECT_EQ(y[k], 10 * x[2 * k]);
      all.insert(all.end(), y.begin(), y.end());
    }
    return all;
  };
  const Values all = rows(0, 240);
  std::set<Values> orders;
  for (size_t epoch = 0; epoch < 30; ++epoch) {
    Values order(all.begin() + static_cast<long>(8 * epoch), all.begin() + static_cast<long>(8 * epoch + 8));
    orders.insert(order);
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, (Values{0, 10, 20, 30, 40, 50, 60, 70}));
  }
  EXPECT_GT(orders.size(), 25u);
  EXPECT_NE(rows(0, 240, 2), all);
  for (uint64_t first = 0; first < 40; ++first) {
    const Values rest = rows(first, 30);
    EXPECT_TRUE(std::equal(rest.begin(), rest.end(), all.begin() + static_cast<long>(first))) << first;
  }
}

// The data of the recorded solver runs, beside its list.
TEST(Hdf5Data, RecordedSolverData) {
  const std::string folder = CREMA_TESTS_DIR "/golden/solvers/";
  const auto recorded = read_hdf5(folder + "data.h5");
  std::string tops;
  for (const auto& [name, array] : recorded) tops += " top: '" + name + "'";
  DataLayer data("type: 'HDF5Data' hdf5_data_param { source: 'list.txt' batch_size: 44 }" + tops, TRAIN, 1,
                 folder + "net.prototxt");
  size_t i = 0;
  data.forward();
  for (const auto& [name, array] : recorded) {
    EXPECT_TRUE(near(array, data.tops[i]->shape(), data.tops[i]->data(), 0)) << name;
    ++i;
  }
}

// --- number types and faults -----------------------------------------------------------------------------------------

// One data set, written by the library itself.
template <typename T>
std::string write_set(const std::string& path, hid_t type, const std::vector<hsize_t>& dims,
                      const std::vector<T>& values) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space =
      dims.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
  const hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
  const std::vector<hsize_t> chunk(dims.size(), 2);
  if (values.empty()) H5Pset_chunk(plist, static_cast<int>(dims.size()), chunk.data());  // no space is allocated
  const hid_t set = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
  if (!values.empty()) H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  H5Dclose(set);
  H5Pclose(plist);
  H5Sclose(space);
  H5Fclose(file);
  return path;
}

TEST(Hdf5File, ConvertsNumbers) {
  const TempFolder folder;
  const auto read = [&](const std::string& path) { return Hdf5File(path).read({"x"})[0].values; };
  EXPECT_EQ(read(write_set<double>(folder / "f64", H5T_NATIVE_DOUBLE, {2}, {0.25, -3})), (Values{0.25, -3}));
  EXPECT_EQ(read(write_set<float>(folder / "f32", H5T_NATIVE_FLOAT, {2, 1}, {0.25, -3})), (Values{0.25, -3}));
  EXPECT_EQ(read(write_set<int64_t>(folder / "i64", H5T_NATIVE_INT64, {1, 2}, {1 << 20, -3})), (Values{1 << 20, -3}));
  EXPECT_EQ(read(write_set<uint8_t>(folder / "u8", H5T_NATIVE_UINT8, {3}, {0, 127, 255})), (Values{0, 127, 255}));
  EXPECT_EQ(Hdf5File(folder / "i64").shapes({"x"})[0], (Shape{1, 2}));
  EXPECT_EQ(Hdf5File(CREMA_TESTS_DIR "/golden/files/data_lmdb_raw.h5").shapes({"batch0/label"})[0], (Shape{4}));
}

TEST(Hdf5File, RefusesWithoutPrinting) {
  const TempFolder folder;
  const auto said = [&](const std::string& path, const std::string& name = "x") {
    return message_of([&] { Hdf5File(path).read({name}); });
  };
  const std::string good = write_set<float>(folder / "good", H5T_NATIVE_FLOAT, {100}, Values(100, 1));
  const std::string text = folder.write("text", "no HDF5");
  const std::string scalar = write_set<float>(folder / "scalar", H5T_NATIVE_FLOAT, {}, {1});
  const std::string times = write_set<int64_t>(folder / "times", H5T_UNIX_D64LE, {1}, {1});
  const std::string absurd =
      write_set<float>(folder / "absurd", H5T_NATIVE_FLOAT, {hsize_t{1} << 31, hsize_t{1} << 31}, {});
  const std::string huge = write_set<float>(folder / "huge", H5T_NATIVE_FLOAT, {1 << 15, 1 << 15}, {});
  testing::internal::CaptureStderr();
  EXPECT_EQ(said(good), "no error");
  EXPECT_EQ(said(good, "y"), good + ": has no data set \"y\"; it has: \"x\"");
  EXPECT_EQ(said(text), text + ": cannot be opened as an HDF5 file (damaged, or another format)");
  EXPECT_EQ(said(folder / "none"), (folder / "none") + ": does not exist");
  EXPECT_EQ(said(scalar), scalar + ": data set \"x\" has no axes");
  EXPECT_EQ(said(times), times + ": data set \"x\" does not hold numbers");
  EXPECT_EQ(said(absurd), absurd + ": data set \"x\" has the shape 2147483648 x 2147483648, more than the 2147483648 " +
                              "elements that are read at most");
  EXPECT_EQ(said(huge),
            huge + ": data set \"x\" has the shape 32768 x 32768, for which its 0 bytes in the file are too few " +
                "(numbers that were never written are read up to 16777216)");
  const std::string whole = read_file(good);
  for (size_t size = 0; size < whole.size(); size += 97) {
    EXPECT_NE(said(folder.write("cut", whole.substr(0, size))), "no error") << size;
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// Data sets that were created but not written, or only in part, hold their fill value where nothing was written.
TEST(Hdf5File, UnwrittenNumbersAreTheFillValue) {
  const TempFolder folder;
  const auto make = [&](const std::string& name, float fill, bool chunked, bool defined, bool never = false) {
    const hid_t file = H5Fcreate((folder / name).c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const std::vector<hsize_t> dims = {5000, 3}, chunk = {7, 2}, first = {70, 1}, part = {2, 2};
    const hid_t space = H5Screate_simple(2, dims.data(), nullptr), plist = H5Pcreate(H5P_DATASET_CREATE);
    if (defined) H5Pset_fill_value(plist, H5T_NATIVE_FLOAT, &fill);
    if (!defined) H5Pset_fill_value(plist, H5T_NATIVE_FLOAT, nullptr);
    if (never) H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER);
    if (chunked) H5Pset_chunk(plist, 2, chunk.data());
    const hid_t set = H5Dcreate2(file, "x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    if (chunked) {
      const hid_t memory = H5Screate_simple(2, part.data(), nullptr);
      const std::vector<float> values = {1, 2, 3, 4};
      H5Sselect_hyperslab(space, H5S_SELECT_SET, first.data(), nullptr, part.data(), nullptr);
      H5Dwrite(set, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, values.data());
      H5Sclose(memory);
    }
    H5Dclose(set);
    H5Pclose(plist);
    H5Sclose(space);
    H5Fclose(file);
    return Hdf5File(folder / name).read({"x"})[0].values;
  };
  EXPECT_EQ(make("plain", 0, false, true), Values(15000, 0));
  EXPECT_EQ(make("filled", 2.5f, false, true), Values(15000, 2.5f));
  EXPECT_EQ(make("undefined", 0, false, false), Values(15000, 0));
  EXPECT_EQ(make("never", 0, false, true, true), Values(15000, 0));
  Values sparse(15000, 9);
  for (const auto& [row, column, value] : {std::tuple{70, 1, 1}, {70, 2, 2}, {71, 1, 3}, {71, 2, 4}}) {
    sparse[static_cast<size_t>(3 * row + column)] = static_cast<float>(value);
  }
  EXPECT_EQ(make("sparse", 9, true, true), sparse);
}

// Packed chunks that are larger than the blocks that are read at once.
TEST(Hdf5File, LargeAndPackedSets) {
  const TempFolder folder;
  const std::vector<hsize_t> dims = {3000, 2000}, chunk = {701, 999};
  Values values(6'000'000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1000);
  const hid_t file = H5Fcreate((folder / "a").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(2, dims.data(), nullptr), plist = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(plist, 2, chunk.data());
  H5Pset_deflate(plist, 1);
  const hid_t set = H5Dcreate2(file, "x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, plist, H5P_DEFAULT);
  H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  H5Dclose(set);
  H5Pclose(plist);
  H5Sclose(space);
  H5Fclose(file);
  EXPECT_TRUE(Hdf5File(folder / "a").read({"x"})[0].values == values);
}

// Files made by hand: one crashes the library, and one claims 1.6 GB in a file of 2 KB. Newer versions of the library
// detect both.
TEST(Hdf5File, CrashesAndClaimsAreErrors) {
  const std::string crash = CREMA_TESTS_DIR "/damaged/crash.h5", claims = CREMA_TESTS_DIR "/damaged/claims.h5";
  const auto said = [](const std::string& path) { return message_of([&] { Hdf5File(path).read({"data", "label"}); }); };
  const bool newer = H5_VERSION_GE(1, 14, 0);
  EXPECT_EQ(said(crash), crash + (newer ? ": has no data set \"data\"; it has: none"
                                        : ": the library that reads it crashes on it (Segmentation fault)"));
  EXPECT_EQ(said(claims).substr(0, said(claims).find(" (")),
            claims + (newer ? ": data set \"data\" cannot be opened"
                            : ": data set \"data\" has the shape 133333333 x 3, for which its 2144 bytes in the file "
                              "are too few"));
}

TEST(Hdf5Data, RowsOfOneNumberHaveAnAxisOrNone) {
  const TempFolder folder;
  write_hdf5(folder / "a.h5", {{"y", array({2}, 0)}, {"x", array({2, 3, 1}, 0)}});
  write_hdf5(folder / "b.h5", {{"y", array({2, 1}, 2)}, {"x", array({2, 3}, 6)}});
  for (const bool first : {true, false}) {
    folder.write("list.txt", first ? "a.h5\nb.h5\n" : "b.h5\na.h5\n");
    DataLayer data("type: 'HDF5Data' top: 'y' top: 'x' hdf5_data_param { batch_size: 4 source: '" +
                   (folder / "list.txt") + "' }");
    EXPECT_EQ(data.tops[0]->shape(), first ? (Shape{4}) : (Shape{4, 1}));
    EXPECT_EQ(data.forward(), first ? (Values{0, 1, 2, 3}) : (Values{2, 3, 0, 1}));
    EXPECT_EQ(data.values(1)[3], first ? 3 : 9);
  }
}

TEST(Hdf5Data, TakesListsAsEditorsWriteThem) {
  const TempFolder folder;
  write_hdf5(folder / "a.h5", {{"y", array({2}, 5)}});
  folder.write("list.txt",
               "\xef\xbb\xbf"
               "a.h5 \r\n\r\n\ta.h5\r\n");
  DataLayer data("type: 'HDF5Data' top: 'y' hdf5_data_param { batch_size: 4 source: '" + (folder / "list.txt") + "' }");
  EXPECT_EQ(data.forward(), (Values{5, 6, 5, 6}));
}

TEST(Hdf5Data, Refuses) {
  const Eight eight;
  const TempFolder& folder = eight.folder;
  const auto said = [&](const std::string& list, const std::string& tops = "top: 'x' top: 'y'") {
    folder.write("list.txt", list);
    return message_of([&] { DataLayer{eight.layer("", tops)}; });
  };
  EXPECT_EQ(said("3.h5", "top: 'z'"), (folder / "3.h5") + ": has no data set \"z\"; it has: \"x\", \"y\"");
  EXPECT_EQ(said("\n \n"), (folder / "list.txt") + ": names no HDF5 file");
  EXPECT_EQ(said("0.h5"), (folder / "list.txt") + ": the files that it names hold no rows");
  EXPECT_NE(said("3.h5\nnone.h5").find("HDF5 file \"none.h5\" is neither in the working directory"), std::string::npos);
  EXPECT_EQ(said("3.h5\nlist.txt"),
            (folder / "list.txt") + ": cannot be opened as an HDF5 file (damaged, or another format)");
  write_hdf5(folder / "rows.h5", {{"x", array({3, 1, 2}, 0)}, {"y", array({2}, 0)}});
  EXPECT_EQ(said("3.h5\nrows.h5"), (folder / "rows.h5") + ": \"x\" has 3 rows and \"y\" has 2");
  write_hdf5(folder / "shape.h5", {{"x", array({3, 2, 1}, 0)}, {"y", array({3}, 0)}});
  EXPECT_EQ(said("3.h5\nshape.h5"),
            (folder / "shape.h5") + ": rows of \"x\" are of shape 2 1, and in " + (folder / "3.h5") + " of shape 1 2");
  const auto config = [&](const std::string& text) { return message_of([&] { DataLayer{text}; }); };
  EXPECT_EQ(config("type: 'HDF5Data' top: 'x' hdf5_data_param { source: 'x' }"),
            "batch_size is 0; it must be given and positive");
  EXPECT_EQ(config("type: 'HDF5Data' top: 'x' hdf5_data_param { batch_size: 1 }"), "source is not given");
  EXPECT_EQ(
      config("type: 'HDF5Data' top: 'x' hdf5_data_param { batch_size: 1 source: 'x' } transform_param { scale: 2 }"),
      "HDF5Data takes the data as it is; transform_param has no meaning here");
}

TEST(Hdf5Data, FilesThatChangeInUse) {
  const Eight eight;
  DataLayer data(eight.layer(""));
  write_hdf5(eight.folder / "4.h5", {{"x", array({2, 1, 2}, 0)}, {"y", array({2}, 0)}});
  data.forward();
  EXPECT_EQ(message_of([&] { data.forward(); }), (eight.folder / "4.h5") + ": was changed while it was in use");
}

}  // namespace
}  // namespace crema

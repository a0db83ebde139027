// The HDF5Output layer: what it writes, and when.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/array.h"
#include "support/data_files.h"
#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

using Values = std::vector<float>;

std::string text(const std::string& file, const std::vector<long>& data, const std::vector<long>& label) {
  return input_text("x", data) + input_text("l", label) +
         "layer { name: 'out' type: 'HDF5Output' bottom: 'x' bottom: 'l' hdf5_output_param { file_name: '" + file +
         "' } }";
}

TEST(Hdf5Output, HoldsTheBatchOfTheLastPass) {
  const TempFolder folder;
  const std::string file = folder.write("out.h5", "");  // an empty file, as mktemp makes it
  const auto net = net_of(text(file, {2, 3}, {2}));
  for (const float first : {1.f, 10.f}) {
    set_input(*net, "x", {first, 2, 3, 4, 5, 6});
    set_input(*net, "l", {7, first});
    net->forward();
    const auto written = read_hdf5(file);
    ASSERT_EQ(written.size(), 2u);
    EXPECT_EQ(written.at("data").shape, (Shape{2, 3, 1, 1}));
    EXPECT_EQ(written.at("data").values, (Values{first, 2, 3, 4, 5, 6}));
    EXPECT_EQ(written.at("label").shape, (Shape{2, 1, 1, 1}));
    EXPECT_EQ(written.at("label").values, (Values{7, first}));
  }
  // One file, and no temporary one beside it.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / ""), {}), 1);
}

TEST(Hdf5Output, RepeatedPassesWriteNothing) {
  const TempFolder folder;
  const auto net = net_of(text(folder / "out.h5", {1, 2, 1, 1, 2}, {1}));
  set_input(*net, "x", {1, 2, 3, 4});
  set_input(*net, "l", {0});
  net->forward();
  EXPECT_EQ(read_hdf5(folder / "out.h5").at("data").shape, (Shape{1, 2, 1, 1, 2}));
  std::filesystem::remove(folder / "out.h5");
  net->set_replay(true);
  net->forward();
  EXPECT_FALSE(std::filesystem::exists(folder / "out.h5"));
}

TEST(Hdf5Output, ReplacesWhatSuchALayerHasWritten) {
  const TempFolder folder;
  const std::string file = folder / "out.h5";
  for (const float first : {1.f, 2.f}) {
    const auto net = net_of(text(file, {1, 1}, {1}));
    set_input(*net, "x", {first});
    set_input(*net, "l", {0});
    net->forward();
    EXPECT_EQ(read_hdf5(file).at("data").values, Values{first});
  }
}

// Not even a file that looks the same is replaced: it may be a data set.
TEST(Hdf5Output, LeavesOtherFilesAlone) {
  const TempFolder folder;
  const std::string file = folder / "out.h5";
  const auto refused = [&] {
    const std::string before = read_file(file);
    const auto net = net_of(text(file, {1, 1}, {1}));
    EXPECT_EQ(message_of([&] { net->forward(); }),
              "net.prototxt:3: layer \"out\" (HDF5Output): file_name: " + file +
                  " exists and was not written by an HDF5Output layer: it is left as it is; move it away, or name "
                  "another file");
    EXPECT_TRUE(read_file(file) == before);
  };
  write_hdf5(file, {{"data", {Shape{1, 1, 1, 1}, {1}}}, {"label", {Shape{1, 1, 1, 1}, {1}}}});
  refused();
  folder.write("out.h5", "something else");
  refused();
  folder.write("out.h5", "\x89HDF\r\n\x1a\n");
  refused();
}

// No output destroys what the same net, or another net of the process, reads or writes.
TEST(Hdf5Output, RefusesFilesThatOthersUse) {
  const TempFolder folder;
  const std::string file = folder / "out.h5";
  {
    const auto net = net_of(text(file, {2, 1}, {2}));
    net->forward();
  }
  folder.write("list.txt", "out.h5");
  const std::string reader =
      "layer { name: 'in' type: 'HDF5Data' top: 'data' top: 'label' hdf5_data_param { source: '" +
      (folder / "list.txt") + "' batch_size: 2 } }";
  const std::string before = read_file(file);
  const auto refusal = [&](const std::string& layer, const std::string& use) {
    return fmt::format("net.prototxt:3: layer \"{}\" (HDF5Output): layer {} {}, too; name another file", layer, use,
                       file);
  };
  const std::string other = reader + text(folder / "./out.h5", {1, 1}, {1});
  EXPECT_TRUE(message_of([&] { net_of(other); }).starts_with(refusal("out", "\"in\" reads")));
  EXPECT_TRUE(read_file(file) == before);
  const std::string twice =
      text(file, {1, 1}, {1}) +
      "layer { name: 'again' type: 'HDF5Output' bottom: 'x' bottom: 'l' hdf5_output_param { file_name: '" + file +
      "' } }";
  EXPECT_TRUE(message_of([&] { net_of(twice); }).starts_with(refusal("again", "\"out\" writes")));
  // A train net and its test net have the same layer.
  const auto train = net_of(text(file, {1, 1}, {1}));
  const auto test = net_of(text(file, {1, 1}, {1}), {}, TEST);
  test->forward();
  train->forward();
}

TEST(Hdf5Output, NoRecords) {
  const TempFolder folder;
  const auto net = net_of(text(folder / "out.h5", {0, 2}, {0}));
  net->forward();
  EXPECT_EQ(read_hdf5(folder / "out.h5").at("data").shape, (Shape{0, 2, 1, 1}));
}

// What it writes, HDF5Data reads.
TEST(Hdf5Output, IsReadBack) {
  const TempFolder folder;
  const auto net = net_of(text(folder / "out.h5", {2, 2}, {2}));
  set_input(*net, "x", {1, 2, 3, 4});
  set_input(*net, "l", {5, 6});
  net->forward();
  folder.write("list.txt", folder / "out.h5");
  DataLayer data("type: 'HDF5Data' top: 'data' top: 'label' hdf5_data_param { batch_size: 2 source: '" +
                 (folder / "list.txt") + "' }");
  EXPECT_EQ(data.forward(), (Values{1, 2, 3, 4}));
  EXPECT_EQ(data.values(1), (Values{5, 6}));
}

TEST(Hdf5Output, LeavesGradientsAlone) {
  const TempFolder folder;
  const auto net = net_of("force_backward: true " + text(folder / "out.h5", {1, 2}, {1}) +
                          "layer { name: 'sum' type: 'Reduction' bottom: 'x' top: 's' loss_weight: 3 }");
  set_input(*net, "x", {1, 2});
  set_input(*net, "l", {0});
  net->forward();
  net->backward();
  EXPECT_EQ(Values(net->input("x").diff(), net->input("x").diff() + 2), (Values{3, 3}));
}

TEST(Hdf5Output, Refuses) {
  const std::string place = "net.prototxt:3: layer \"out\" (HDF5Output): ";
  EXPECT_EQ(message_of([&] { net_of(text("", {1}, {1})); }), place + "file_name is not given");
  EXPECT_EQ(
      message_of([&] {
        net_of(text("f", {2, 3}, {3}));
      }),
      place + "bottoms must have as many records (axis 0); they are 2 3 and 3 (bottom \"x\": 2 3, bottom \"l\": 3)");
  const TempFolder folder;
  const std::string file = folder / "none/out.h5";
  EXPECT_EQ(message_of([&] { net_of(text(file, {1}, {1}))->forward(); }),
            place + file + ": cannot write: No such file or directory");
}

}  // namespace
}  // namespace crema

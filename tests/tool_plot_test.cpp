// crema plot, as a program.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <regex>
#include <set>

#include "base/file.h"
#include "support/data_files.h"

namespace crema {
namespace {

struct Result {
  int code;
  std::string out, err;
};

Result plot(const std::string& arguments) {
  const TempFolder folder;
  const std::string command =
      fmt::format("'{}' plot {} > '{}' 2> '{}'", CREMA_TOOL, arguments, folder / "out", folder / "err");
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(folder / "out"), read_file(folder / "err")};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::string kRows = R"({"kind":"train","iteration":10,"loss":2.5,"lr":0.01,"outputs":{"loss":[2.5]},"new":1}
{"kind":"train","iteration":20,"loss":null,"lr":0.01}
{"kind":"train","iteration":30,"loss":1.5,"lr":0.01}
{"kind":"test","iteration":30,"net":0,"outputs":{"accuracy":[0.75],"loss":[1.2]}}
)";

TEST(ToolPlot, draws_one_run_and_several) {
  const TempFolder folder;
  const std::string one = folder.write("one.metrics.jsonl", kRows);
  const Result single = plot(fmt::format("{} --output {}", one, folder / "one.svg"));
  ASSERT_EQ(single.code, 0) << single.err;
  EXPECT_EQ(single.err, "");
  const std::string svg = read_file(folder / "one.svg");
  for (const char* part : {">loss<", ">accuracy<", ">learning rate<", ">train<", ">test<"}) {
    EXPECT_TRUE(has(svg, part)) << part;
  }
  folder.write("two.metrics.jsonl", kRows);
  const Result several = plot(fmt::format("{} --output {}", folder / "", folder / "two.svg"));
  ASSERT_EQ(several.code, 0) << several.err;
  EXPECT_TRUE(has(several.out, "Plot of 2 runs")) << several.out;
  EXPECT_TRUE(has(read_file(folder / "two.svg"), ">two train<"));
}

// Dashes distinguish runs beyond the last colour, and lines that lie on each other, such as learning rates.
TEST(ToolPlot, no_two_runs_look_alike) {
  const TempFolder folder;
  for (char name = 'a'; name < 'a' + 20; ++name) folder.write(std::string(1, name) + ".metrics.jsonl", kRows);
  const Result result = plot(fmt::format("{} --output {}", folder / "", folder / "all.svg"));
  ASSERT_EQ(result.code, 0) << result.err;
  const std::string svg = read_file(folder / "all.svg");
  const std::string rates = svg.substr(svg.rfind(">learning rate<"));
  static const std::regex line("<polyline [^>]*stroke=\"([^\"]*)\" stroke-width=\"1.8\"([^>]*)");
  std::set<std::string> looks;
  for (std::sregex_iterator i(rates.begin(), rates.end(), line), end; i != end; ++i) {
    looks.insert((*i)[1].str() + (*i)[2].str());
  }
  EXPECT_EQ(looks.size(), 20u);
}

// NaN is named in the legend.
TEST(ToolPlot, says_what_crosses_stand_for) {
  const TempFolder folder;
  const std::string run = folder.write("one.metrics.jsonl", kRows);
  ASSERT_EQ(plot(fmt::format("{} --output {}", run, folder / "one.svg")).code, 0);
  EXPECT_TRUE(has(read_file(folder / "one.svg"), ">train: NaN<"));
}

#ifdef CREMA_WITH_OPENCV
TEST(ToolPlot, writes_png) {
  const TempFolder folder;
  const std::string run = folder.write("one.metrics.jsonl", kRows);
  const Result result = plot(fmt::format("{} --output {}", run, folder / "one.png"));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(read_file(folder / "one.png").starts_with("\x89PNG\r\n"));
}
#endif

TEST(ToolPlot, leaves_out_a_last_line_that_is_cut_off) {
  const TempFolder folder;
  const std::string run = folder.write("one.metrics.jsonl", kRows + R"({"kind":"train","iter)");
  const Result result = plot(fmt::format("{} --output {}", run, folder / "one.svg"));
  EXPECT_EQ(result.code, 0);
  EXPECT_TRUE(has(result.err, run + ":5: the last line is cut off and left out")) << result.err;
}

TEST(ToolPlot, reads_standard_input) {
  const TempFolder folder;
  const std::string run = folder.write("one.metrics.jsonl", kRows);
  EXPECT_EQ(plot(fmt::format("- --output {} < {}", folder / "one.svg", run)).code, 0);
  EXPECT_TRUE(has(read_file(folder / "one.svg"), "<svg"));
}

TEST(ToolPlot, does_not_write_over_the_run) {
  const TempFolder folder;
  const std::string run = folder.write("run.svg", kRows);
  const Result result = plot(fmt::format("{0} --output {0}", run));
  EXPECT_EQ(result.code, 1);
  EXPECT_TRUE(has(result.err, "this is the file that is read; give another")) << result.err;
  EXPECT_EQ(read_file(run), kRows);
}

TEST(ToolPlot, says_what_is_wrong) {
  const TempFolder folder;
  const std::string broken = folder.write("broken.metrics.jsonl", "{\"kind\":\n" + kRows);
  const std::string text = folder.write("text.metrics.jsonl", R"({"kind":"train","iteration":1,"loss":"low"})"
                                                              "\n");
  const std::string array = folder.write("array.metrics.jsonl", "[1]\n");
  const std::string empty = folder.write("empty.metrics.jsonl", "");
  const struct {
    std::string file, message;
  } rows[] = {
      {broken, broken + ":1: no JSON object: {\"kind\":"},
      {text, text + ":1: \"loss\" is \"low\"; expected a number or null"},
      {array, array + ":1: an array; expected an object with \"kind\" and \"iteration\""},
      {empty, empty + ": there are no rows of a training in it"},
      {"none.jsonl", "none.jsonl: cannot open: No such file or directory"},
  };
  for (const auto& row : rows) {
    const Result result = plot(fmt::format("{} --output {}", row.file, folder / "x.svg"));
    EXPECT_EQ(result.code, 1) << row.file;
    EXPECT_EQ(result.err, "crema: " + row.message + "\n");
  }
  EXPECT_EQ(plot(broken + " --output x.gif").code, 2);
}

}  // namespace
}  // namespace crema

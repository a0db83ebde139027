// A redirected log has the lines that parsers of Caffe's logs look for. The parser here uses only the grammar, not the
// program's code. What it reads is compared with what is known about the run.
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <regex>
#include <sstream>

#include "support/data_files.h"
#include "support/program.h"

namespace crema {
namespace {

// One line: glog's prefix and what follows it.
struct Line {
  char severity;
  int month, day, hour, minute;
  double second;
  long thread;
  std::string file;
  int number;
  std::string text;
};

// "I0123 12:34:56.123456 4711 solver.cpp:239] Solving LeNet"
bool parse(const std::string& text, Line* line) {
  static const std::regex prefix(
      R"(([IWEF])(\d\d)(\d\d) (\d\d):(\d\d):(\d\d\.\d{6}) +(\d+) ([-_A-Za-z0-9]+\.(?:cpp|h)):(\d+)\] (.*))");
  std::smatch m;
  if (!std::regex_match(text, m, prefix)) return false;
  *line = {m.str(1)[0],     std::stoi(m[2]),
           std::stoi(m[3]), std::stoi(m[4]),
           std::stoi(m[5]), std::stod(m[6]),
           std::stol(m[7]), m[8],
           std::stoi(m[9]), m[10]};
  return true;
}

struct Output {
  int index;
  std::string name;
  double value;
  std::string weight, weighted;  // of a loss
};

struct Report {
  int iteration;
  double speed = 0, seconds = 0, loss = 0, rate = -1;
  int interval = 0;
  std::vector<Output> outputs{};
};

struct TestPass {
  int iteration, net;
  std::vector<Output> outputs{};
};

struct Log {
  std::vector<Line> lines;
  std::string solving;
  std::vector<Report> reports;
  std::vector<TestPass> tests;
  int done = 0;
};

Output output_of(const std::smatch& m) { return {std::stoi(m[1]), m[2], std::stod(m[3]), m[4], m[5]}; }

void take(const std::string& text, Log* log) {
  static const std::string number = R"(([-+]?[0-9]+\.?[0-9]*(?:e[-+]?[0-9]+)?))";
  static const std::string output =
      R"( net output #(\d+): (\S+) = )" + number + R"((?: \(\* )" + number + " = " + number + R"( loss\))?)";
  static const std::regex report(R"(Iteration (\d+) \()" + number + " iter/s, " + number +
                                 R"(s/(\d+) iters\), loss = )" + number),
      rate(R"(Iteration (\d+), lr = )" + number), test(R"(Iteration (\d+), Testing net \(#(\d+)\))"),
      train_output("    Train" + output), test_output("    Test" + output), solving("Solving (.*)");
  std::smatch m;
  if (std::regex_match(text, m, solving)) log->solving = m[1];
  if (std::regex_match(text, m, report)) {
    log->reports.push_back({std::stoi(m[1]), std::stod(m[2]), std::stod(m[3]), std::stod(m[5]), -1, std::stoi(m[4])});
  }
  if (std::regex_match(text, m, rate)) {
    ASSERT_FALSE(log->reports.empty());
    ASSERT_EQ(log->reports.back().iteration, std::stoi(m[1]));
    log->reports.back().rate = std::stod(m[2]);
  }
  if (std::regex_match(text, m, test)) log->tests.push_back({std::stoi(m[1]), std::stoi(m[2])});
  if (std::regex_match(text, m, train_output)) {
    ASSERT_FALSE(log->reports.empty());
    log->reports.back().outputs.push_back(output_of(m));
  }
  if (std::regex_match(text, m, test_output)) {
    ASSERT_FALSE(log->tests.empty());
    log->tests.back().outputs.push_back(output_of(m));
  }
  log->done += text == "Optimization Done.";
}

Log log_of_run(const std::string& text) {
  Log log;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    Line parsed;
    EXPECT_TRUE(parse(line, &parsed)) << "no prefix: " << line;
    take(parsed.text, &log);
    log.lines.push_back(parsed);
  }
  return log;
}

// Outputs: "loss", with a weight, and in tests "scores", three elements of 2.
constexpr const char* kNet = R"(name: "two words"
layer { name: "data" type: "DummyData" top: "x" top: "t"
  dummy_data_param { shape { dim: 2 dim: 2 } data_filler { value: 1 } data_filler { value: 0 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2
  weight_filler { value: 0.5 } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "loss" loss_weight: 0.25 }
layer { name: "scores" type: "DummyData" top: "scores" include { phase: TEST }
  dummy_data_param { shape { dim: 3 } data_filler { value: 2 } } }
)";

TEST(ToolLog, is_what_caffes_parsers_read) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", kNet);
  const std::string other = folder.write("other.prototxt", R"(
layer { name: "a" type: "DummyData" top: "accuracy" dummy_data_param { shape { } data_filler { value: 0.75 } } })");
  const std::string solver = folder.write("solver.prototxt", "net: \"" + net + "\"\ntest_net: \"" + other + R"("
test_iter: 2 test_iter: 3 test_interval: 4
base_lr: 0.01 lr_policy: "step" gamma: 0.5 stepsize: 4
max_iter: 10 display: 2 random_seed: 3 snapshot_after_train: false snapshot_prefix: ")" +
                                                                 (folder / "s") + "\"\n");
  const Result run = crema("train --solver " + solver);
  ASSERT_EQ(run.code, 0) << run.err;
  const Log log = log_of_run(run.err);
  ASSERT_FALSE(HasFailure()) << run.err;

  EXPECT_EQ(log.solving, "two words");
  EXPECT_EQ(log.done, 1);
  ASSERT_EQ(log.reports.size(), 5u) << run.err;
  for (size_t i = 0; i < log.reports.size(); ++i) {
    const Report& report = log.reports[i];
    EXPECT_EQ(report.iteration, static_cast<int>(2 * i));
    EXPECT_EQ(report.interval, 2);
    EXPECT_GE(report.speed, 0);
    EXPECT_GE(report.seconds, 0);
    EXPECT_DOUBLE_EQ(report.rate, i < 2 ? 0.01 : i < 4 ? 0.005 : 0.0025) << "iteration " << report.iteration;
    ASSERT_EQ(report.outputs.size(), 1u);
    const Output& loss = report.outputs[0];
    EXPECT_EQ(loss.index, 0);
    EXPECT_EQ(loss.name, "loss");
    EXPECT_EQ(loss.weight, "0.25");
    EXPECT_NEAR(std::stod(loss.weighted), 0.25 * loss.value, 1e-5);
    EXPECT_NEAR(report.loss, 0.25 * loss.value, 1e-5);
  }
  // y = 0.5 + 0.5 in each of four elements, t = 0: sum of squares / 2 / N = 4 / 4.
  EXPECT_EQ(log.reports[0].outputs[0].value, 1);
  EXPECT_LT(log.reports[4].loss, log.reports[0].loss);

  ASSERT_EQ(log.tests.size(), 6u) << run.err;  // at 0, 4 and 8, each with two nets
  for (size_t i = 0; i < log.tests.size(); ++i) {
    const TestPass& test = log.tests[i];
    EXPECT_EQ(test.iteration, static_cast<int>(i / 2 * 4));
    EXPECT_EQ(test.net, static_cast<int>(i % 2));
    std::vector<std::string> names;
    for (size_t k = 0; k < test.outputs.size(); ++k) {
      EXPECT_EQ(test.outputs[k].index, static_cast<int>(k));
      names.push_back(test.outputs[k].name);
    }
    if (i % 2 == 0) {  // test_net comes before the net that is shared with training
      ASSERT_EQ(names, (std::vector<std::string>{"accuracy"}));
      EXPECT_EQ(test.outputs[0].value, 0.75);
      EXPECT_EQ(test.outputs[0].weight, "");
    } else {
      ASSERT_EQ(names, (std::vector<std::string>{"loss", "scores", "scores", "scores"}));
      EXPECT_EQ(test.outputs[3].value, 2);
    }
  }
  EXPECT_EQ(log.tests[1].outputs[0].value, 1);
}

TEST(ToolLog, has_glogs_prefix_with_the_time_of_now) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", kNet);
  const std::string solver = folder.write("solver.prototxt", "net: \"" + net + R"("
base_lr: 0.01 lr_policy: "fixed" max_iter: 2 display: 1 snapshot_prefix: ")" +
                                                                 (folder / "s") + "\"\n");
  const std::time_t before = std::time(nullptr);
  const Log log = log_of_run(crema("train --solver " + solver).err);
  ASSERT_FALSE(log.lines.empty());
  std::tm now{};
  localtime_r(&before, &now);
  for (const Line& line : log.lines) {
    EXPECT_EQ(line.severity, 'I') << line.text;
    EXPECT_EQ(line.thread, log.lines[0].thread);
    EXPECT_GT(line.number, 0);
    std::tm then = now;
    then.tm_mon = line.month - 1;
    then.tm_mday = line.day;
    then.tm_hour = line.hour;
    then.tm_min = line.minute;
    then.tm_sec = static_cast<int>(line.second);
    then.tm_isdst = -1;
    const double passed = std::difftime(std::mktime(&then), before);
    EXPECT_TRUE(passed >= 0 && passed < 3600) << passed << " s after the start: " << line.text;
  }
}

// A name that would colour the terminal, ring its bell, begin a new line, and reverse the direction of the text after
// it.
TEST(ToolLog, writes_control_characters_out) {
  const TempFolder folder;
  const std::string odd =
      R"(a\033[31m\007\nI1231 23:59:59.000000 1 x.cpp:1] Done\302\233m\377\342\200\256\342\200\246)";
  const std::string net = folder.write("net.prototxt", "name: '" + odd + "' " + std::strchr(kNet, '\n') +
                                                           "layer { name: '" + odd + "' type: 'DummyData' top: '" +
                                                           odd + "' dummy_data_param { shape { dim: 1 } } }");
  const std::string solver = folder.write("solver.prototxt", "net: \"" + net + R"("
base_lr: 0.01 lr_policy: "fixed" max_iter: 1 display: 1 snapshot_prefix: ")" +
                                                                 (folder / "s") + "\"\n");
  const std::string shown = R"(a\x1B[31m\x07\x0AI1231 23:59:59.000000 1 x.cpp:1] Done\xC2\x9Bm\xFF\xE2\x80\xAE…)";
  const Result run = crema("train --solver " + solver);
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.err.find("Train net output #0: " + shown + " = 0\n"), std::string::npos) << run.err;
  log_of_run(run.err);  // has no other lines
  for (const std::string& text :
       {run.err, crema("check " + net).out,
        crema("test --iterations 1 --model " + net + " --weights " + (folder / "s_iter_1.caffemodel")).out,
        crema("time --iterations 1 --model " + net).out, crema("train --solver '" + (folder / "\033[31m") + "'").err}) {
    EXPECT_NE(text.find("\\x1B[31m"), std::string::npos) << text;
    for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= ' ') << text;
    EXPECT_EQ(text.find("\u202e"), std::string::npos) << text;
  }
}

// What a training of 10000 iterations writes to a terminal of so many columns, without its log's lines: the texts that
// the progress line had.
std::vector<std::string> progress_lines(unsigned short columns) {
  const TempFolder folder;
  const std::string solver = folder.write(
      "solver.prototxt", "net: \"" + folder.write("net.prototxt", kNet) +
                             "\" base_lr: 0.01 lr_policy: \"fixed\" max_iter: 10000 snapshot_after_train: false\n");
  winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  int master = -1;
  const pid_t pid = ::forkpty(&master, nullptr, nullptr, &size);
  if (pid == 0) {
    ::setenv("TERM", "xterm", 1);
    ::execl(CREMA_TOOL, CREMA_TOOL, "train", "--solver", solver.c_str(), "--threads", "1", nullptr);
    ::_exit(127);
  }
  std::string seen;
  char part[4096];
  for (ssize_t n; (n = ::read(master, part, sizeof part)) > 0;) seen.append(part, static_cast<size_t>(n));
  ::close(master);
  ::waitpid(pid, nullptr, 0);
  std::vector<std::string> lines;
  const std::regex drawn("\r([^\r\n\033]*)\033\\[K");
  for (std::sregex_iterator i(seen.begin(), seen.end(), drawn), end; i != end; ++i) lines.push_back((*i)[1]);
  return lines;
}

// In a narrow window the progress line has fewer fields: half of a number would be another number.
TEST(ToolLog, fits_into_the_window) {
  const std::regex whole(R"((iteration \d+/10000(  loss \S+(  lr \S+(  \d+ images/s)?(  .* left)?)?)?)?)");
  size_t longest = 0;
  for (const unsigned short columns : {100, 40, 24, 10}) {
    for (const std::string& line : progress_lines(columns)) {
      EXPECT_LT(line.size(), columns) << line;
      EXPECT_TRUE(std::regex_match(line, whole)) << columns << " columns: " << line;
      longest = std::max(longest, line.size());
    }
  }
  EXPECT_GT(longest, 30u) << "no progress was seen";
}

// The first file that a program opens gets the number of a closed descriptor.
TEST(ToolLog, goes_nowhere_else_where_stderr_is_closed) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", kNet);
  const std::string solver = folder.write("solver.prototxt", "net: \"" + net + R"("
base_lr: 0.01 lr_policy: "fixed" max_iter: 20 display: 2 snapshot: 1 snapshot_prefix: ")" +
                                                                 (folder / "s") + "\"\n");
  for (const char* closed : {"2>&-", ">&- 2>&-", "<&- >&- 2>&-", "<&-", ">&-"}) {
    const std::string command = fmt::format("bash -c '{} train --solver {} {} {}'", CREMA_TOOL, solver, closed,
                                            std::string(closed).find('2') == std::string::npos ? "2>/dev/null" : "");
    EXPECT_EQ(std::system(command.c_str()), 0) << closed;
    std::istringstream rows(read_file(folder / "s.metrics.jsonl"));
    size_t count = 0;
    for (std::string row; std::getline(rows, row); ++count) EXPECT_TRUE(row.starts_with("{\"kind\":")) << closed << row;
    EXPECT_EQ(count, 11u) << closed;
    EXPECT_EQ(read_file(folder / "s_run.prototxt").find("I1"), std::string::npos);
  }
  // If printed text is lost, that is an error.
  EXPECT_NE(std::system(fmt::format("bash -c '{} check {} >&- 2>/dev/null'", CREMA_TOOL, net).c_str()), 0);
}

}  // namespace
}  // namespace crema

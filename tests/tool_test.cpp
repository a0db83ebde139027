// The program from end to end: its actions, messages and exit codes.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>

#include "base/file.h"
#include "support/data_files.h"
#include "support/program.h"
#include "support/training.h"

namespace crema {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModel = "--model models/lenet/train_test.prototxt --stage mnist-10k";

TEST(Tool, bad_usage_is_one_line_and_code_2) {
  const struct {
    const char* arguments;
    const char* message;
  } rows[] = {
      {"trian --solver a", "crema: not expected: trian; did you mean \"train\"? (see crema --help)\n"},
      {"train --sovler a --weights b",
       "crema: not expected: --sovler; did you mean \"--solver\"? (see crema train --help)\n"},
      {"test --modle a", "crema: not expected: --modle; did you mean \"--model\"? (see crema test --help)\n"},
      {"train --solver a --wieghts=b",
       "crema: not expected: --wieghts=b; did you mean \"--weights\"? (see crema train --help)\n"},
      {"train", "crema: --solver is required (see crema train --help)\n"},
      {"train --solver a --colour red", "crema: not expected: --colour red (see crema train --help)\n"},
      {"train --solver a --weights b --snapshot c", "crema: --weights excludes --resume (see crema train --help)\n"},
      {"train --solver a --threads 0", "crema: --threads: Value 0 not in range 1 to 4096 (see crema train --help)\n"},
      {"train --solver a --engine cuda", "crema: --engine: cuda not in {plain,onednn} (see crema train --help)\n"},
      {"train --solver a --precision f64", "crema: --precision: f64 not in {f32,bf16} (see crema train --help)\n"},
      {"test --model a --weights b --precision bf16 --engine plain",
       "crema: --precision: bf16 needs --engine onednn; this run's is plain (see crema test --help)\n"},
      {"train --solver a --seed -1",
       "crema: --seed: \"-1\" is no whole number from 0 to 18446744073709551615 (see crema train --help)\n"},
      {"train --solver a --seed 18446744073709551616",
       "crema: --seed: \"18446744073709551616\" is no whole number from 0 to 18446744073709551615 (see crema train "
       "--help)\n"},
      {"train --solver ''", "crema: --solver: the name is empty (see crema train --help)\n"},
      {"train --solver --weights w",
       "crema: --solver: expected a file's name before \"--weights\" (\"./--weights\" for a file of that name) (see "
       "crema train --help)\n"},
      {"test --model a --weights ''", "crema: --weights: the name is empty (see crema test --help)\n"},
      {"test --model a --weights b --iterations 0",
       "crema: --iterations: Value 0 not in range 1 to 2147483647 (see crema test --help)\n"},
      {"time", "crema: --model or --solver is required (see crema time --help)\n"},
      {"time --model a --solver b", "crema: --model excludes --solver (see crema time --help)\n"},
      {"time --solver a --phase TEST", "crema: --solver excludes --phase (see crema time --help)\n"},
      {"time --model a --iterations 0",
       "crema: --iterations: Value 0 not in range 1 to 2147483647 (see crema time --help)\n"},
      {"check", "crema: FILE is required (see crema check --help)\n"},
      {"check a --shape data=1,0",
       "crema: --shape: \"data=1,0\" is not of the form BLOB=N,C,H,W with positive numbers (see crema check --help)\n"},
      {"check a --shape 64,1,28,28",
       "crema: --shape: \"64,1,28,28\" is not of the form BLOB=N,C,H,W with positive numbers (see crema check "
       "--help)\n"},
      {"draw --model a", "crema: --output is required (see crema draw --help)\n"},
      {"brew", "crema: not expected: brew (see crema --help)\n"},
      {"show --model a --weights b --count 0",
       "crema: --count: Value 0 not in range 1 to 10000 (see crema show --help)\n"},
  };
  for (const auto& row : rows) {
    const Result result = crema(row.arguments);
    EXPECT_EQ(result.code, 2) << row.arguments;
    EXPECT_EQ(result.err, row.message);
    EXPECT_EQ(result.out, "");
  }
}

TEST(Tool, alone_shows_its_help) {
  const Result bare = crema("");
  EXPECT_EQ(bare.code, 2);
  EXPECT_EQ(bare.err, "");
  EXPECT_EQ(bare.out, crema("--help").out);
}

TEST(Tool, output_that_cannot_be_written_is_an_error) {
  const TempFolder folder;
  const int status = std::system(
      fmt::format("{} --help > /dev/full 2> {}", shell_quoted(CREMA_TOOL), shell_quoted(folder / "err")).c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(read_file(folder / "err"), "crema: standard output: cannot write: No space left on device\n");
}

TEST(Tool, helps) {
  for (const char* command : {"train", "test", "show", "time", "check", "info", "draw"}) {
    const Result result = crema(std::string(command) + " --help");
    EXPECT_EQ(result.code, 0);
    EXPECT_NE(result.out.find(fmt::format("Example:\n  crema {}", command)), std::string::npos) << result.out;
  }
  const std::string train = crema("train --help").out;
  for (const char* part : {"\n  --solver FILE (required)", "\n  --threads N ", "\n  --engine plain|onednn ",
                           "\n  --weights FILE,... (not with --resume)"}) {
    EXPECT_NE(train.find(part), std::string::npos) << part << " in\n" << train;
  }
  for (const char* noise : {"TEXT", "UINT", "INT:", "REQUIRED", "Excludes"}) {
    EXPECT_EQ(train.find(noise), std::string::npos) << noise << " in\n" << train;
  }
  const Result all = crema("--help");
  EXPECT_EQ(all.code, 0);
  EXPECT_NE(all.out.find("train"), std::string::npos);
  const std::string version = crema("--version").out;
  EXPECT_TRUE(version.starts_with("crema 0.") && version.find("oneDNN") != std::string::npos) << version;
}

TEST(Tool, an_error_is_one_line_and_code_1) {
  const TempFolder folder;
  const std::string typo = folder.write("typo.prototxt", "net: 'x'\nbase_Ir: 0.1\n");
  const std::string text = folder.write("text.caffemodel", "name: 'LeNet'\n");
  const struct {
    std::string arguments, message;
  } rows[] = {
      {"train --solver none.prototxt", "crema: none.prototxt: cannot open: No such file or directory\n"},
      {"train --solver " + typo,
       "crema: " + typo + ":2:1: SolverParameter has no field \"base_Ir\"; did you mean \"base_lr\"?\n"},
      {fmt::format("test {} --engine plain --weights {}", kModel, text),
       fmt::format("crema: {}: not a binary model: it is text\n", text)},
      {"train none.prototxt", "crema: none.prototxt: cannot open: No such file or directory\n"},
      {"test none.prototxt", "crema: none.prototxt: cannot open: No such file or directory\n"},
      {"time none.prototxt", "crema: none.prototxt: cannot open: No such file or directory\n"},
      {"show none.prototxt", "crema: none.prototxt: cannot open: No such file or directory\n"},
      {"draw none.prototxt --output x.svg", "crema: none.prototxt: cannot open: No such file or directory\n"},
      {fmt::format("test {}", kModel),
       "crema: models/lenet/train_test.prototxt: the net has parameters: give --weights\n"},
      {fmt::format("test {} --weights x.solverstate", kModel),
       "crema: --weights x.solverstate: this is a solver's state, from which train goes on with --resume; its "
       "parameters are in the .caffemodel beside it\n"},
      {"train --solver none --weights a,x.solverstate",
       "crema: --weights x.solverstate: this is a solver's state, from which train goes on with --resume; its "
       "parameters are in the .caffemodel beside it\n"},
      {"train --solver none --snapshot x.caffemodel",
       "crema: --resume x.caffemodel: this is a model, without the solver's state: --weights starts from its "
       "parameters\n"},
      {"test --model models/lenet/train_test.prototxt --stage mnist10k",
       "crema: --stage mnist10k: no layer of models/lenet/train_test.prototxt has a rule that names stage "
       "\"mnist10k\"; did you mean \"mnist-10k\"?\n"},
      {"draw --model models/lenet/train_test.prototxt --level 2 --output x.svg",
       "crema: --level 2: no layer of models/lenet/train_test.prototxt has a rule with min_level or max_level\n"},
  };
  for (const auto& row : rows) {
    const Result result = crema(row.arguments);
    EXPECT_EQ(result.code, 1) << row.arguments;
    EXPECT_EQ(result.err, row.message);
  }
  const Result train = crema("train --solver models/lenet/solver_10k.prototxt --stage mnist10k --dry-run");
  EXPECT_EQ(train.code, 1);
  EXPECT_TRUE(
      train.err.ends_with("crema: --stage mnist10k: no layer of models/lenet/train_test.prototxt has a rule that "
                          "names stage \"mnist10k\"; did you mean \"mnist-10k\"?\n"))
      << train.err;
}

double accuracy_in(const std::string& text) {
  const size_t at = text.find("accuracy = ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + 11));
}

TEST(Tool, trains_tests_and_shows) {
  const TempFolder folder;
  const Result trained = crema(
      "train --solver " +
      lenet_solver(folder, "max_iter: 120 display: 40 test_iter: 5 test_interval: 120 test_initialization: false"));
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_NE(trained.err.find("] Iteration 80 ("), std::string::npos) << trained.err;
  EXPECT_NE(trained.err.find("] Optimization Done."), std::string::npos);
  EXPECT_GT(accuracy_in(trained.err), 0.85);

  const std::string net = fmt::format("{} --weights {}", kModel, folder / "lenet_iter_120.caffemodel");
  const Result tested = crema(fmt::format("test {} --iterations 5", net));
  ASSERT_EQ(tested.code, 0) << tested.err;
  EXPECT_NEAR(accuracy_in(tested.out), accuracy_in(trained.err), 1e-6);
  EXPECT_NE(tested.err.find("] Layer \"data\" gave 500 of its 2000 records (25 %)\n"), std::string::npos) << tested.err;
  EXPECT_EQ(tested.err.find("] Batch "), std::string::npos) << tested.err;
  const Result plain = crema(fmt::format("test {} --iterations 5 --engine plain --threads 1", net));
  EXPECT_NEAR(accuracy_in(plain.out), accuracy_in(tested.out), 0.005);

  const Result shown = crema(fmt::format("show {} --count 10 --sheet {}", net, folder / "sheet.png"));
  ASSERT_EQ(shown.code, 0) << shown.err;
  EXPECT_NE(shown.out.find("predicted 7, label 7"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("of 10 right\n"), std::string::npos);
  EXPECT_TRUE(read_file(folder / "sheet.png").starts_with("\x89PNG"));
}

TEST(Tool, goes_on_from_a_snapshot_and_from_weights) {
  const TempFolder folder;
  const std::string solver = lenet_solver(folder, std::string("max_iter: 4 snapshot: 2") + kOneTest);
  ASSERT_EQ(crema("train --solver " + solver).code, 0);
  const std::string whole = read_file(folder / "lenet_iter_4.caffemodel");
  fs::remove(folder / "lenet_iter_4.caffemodel");
  const Result resumed =
      crema(fmt::format("train --solver {} --snapshot {}", solver, folder / "lenet_iter_2.solverstate"));
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_TRUE(whole == read_file(folder / "lenet_iter_4.caffemodel")) << "other bits than in one go";

  const Result tuned = crema(fmt::format("train --solver {} --weights {}", solver, folder / "lenet_iter_4.caffemodel"));
  ASSERT_EQ(tuned.code, 0) << tuned.err;
  EXPECT_NE(tuned.err.find("Loaded 4 layers from " + (folder / "lenet_iter_4.caffemodel")), std::string::npos)
      << tuned.err;
}

TEST(Tool, tests_a_net_without_parameters) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", R"(
    layer { name: "data" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 } data_filler { value: 3 } } }
    layer { name: "double" type: "Power" bottom: "x" top: "y" power_param { scale: 2 } })");
  const Result result = crema("test --iterations 3 --model " + net);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "y = 6\ny = 6\n");
}

TEST(Tool, warns_of_layers_without_weights) {
  const TempFolder folder;
  ASSERT_EQ(crema("train --solver " + lenet_solver(folder, std::string("max_iter: 1") + kOneTest)).code, 0);
  const std::string net = folder.write("net.prototxt", R"(
    layer { name: "data" type: "DummyData" top: "data" dummy_data_param { shape { dim: 1 dim: 1 dim: 28 dim: 28 } } }
    layer { name: "new" type: "InnerProduct" bottom: "data" top: "new" inner_product_param { num_output: 2 } })");
  const Result result =
      crema(fmt::format("test --model {} --weights {} --iterations 1", net, folder / "lenet_iter_1.caffemodel"));
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find("has no parameters for new"), std::string::npos) << result.err;
  EXPECT_EQ(result.out, "new = 0\nnew = 0\n");
  const Result shown = crema(fmt::format("show --model {} --weights {}", net, folder / "lenet_iter_1.caffemodel"));
  EXPECT_EQ(shown.code, 1);
  EXPECT_EQ(shown.err,
            fmt::format("crema: {}: the net has no Accuracy or loss layer that compares scores with labels\n", net));
}

}  // namespace
}  // namespace crema

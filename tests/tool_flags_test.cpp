// Flags that several subcommands share: --set, Caffe's spellings, what asks for a GPU; and the completion scripts.
#include <gtest/gtest.h>

#include <cstdlib>
#include <regex>

#include "support/data_files.h"
#include "support/program.h"
#include "support/training.h"

namespace crema {
namespace {

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + 1)) ++count;
  return count;
}

// A net without data files, which at level 2 in stage "more" has one output more.
constexpr const char* kNet = R"(name: "flags"
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 3 } shape { dim: 4 } data_filler { type: "gaussian" } data_filler { } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 2
  weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
layer { name: "extra" type: "Power" bottom: "ip" top: "extra" include { stage: "more" min_level: 2 } }
)";

std::string solver_in(const TempFolder& folder, const std::string& fields = "") {
  const std::string net = folder.write("net.prototxt", kNet);
  return folder.write("solver.prototxt", "net: \"" + net + "\"\nbase_lr: 0.1\nlr_policy: \"fixed\"\nmax_iter: 2\n" +
                                             "display: 1\nrandom_seed: 1\nsnapshot_prefix: \"" + (folder / "s") +
                                             "\"\n" + fields + "\n");
}

TEST(ToolFlags, set_changes_a_solver_and_its_net) {
  const TempFolder folder;
  const std::string solver = solver_in(folder);
  const Result run = crema("train --solver " + solver +
                           " --set base_lr=0.5 --set max_iter=3 --set 'layer[ip].inner_product_param.num_output=5'");
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(count_of(run.err, ", lr = 0.5\n"), 3u) << run.err;
  const std::string model = folder / "s_iter_3.caffemodel", net = folder / "net.prototxt";
  const std::string test = "test --iterations 1 --model " + net + " --weights " + model;
  EXPECT_EQ(crema(test).code, 1);  // 2 outputs, as the text has them
  EXPECT_EQ(crema(test + " --set layer[ip].inner_product_param.num_output=5").code, 0);
  const Result wrong = crema("train --solver " + solver + " --set base_Ir=1");
  EXPECT_EQ(wrong.code, 1);
  EXPECT_EQ(wrong.err, "crema: --set base_Ir=1: SolverParameter has no field \"base_Ir\"; did you mean \"base_lr\"?\n");
  const Result negative = crema("train --solver " + solver + " --set base_lr=-1");
  EXPECT_EQ(negative.err, "crema: --set base_lr=-1: base_lr is -1; it must be a number of at least 0\n");
  const Result usage = crema("train --solver " + solver + " --set base_lr");
  EXPECT_EQ(usage.code, 2);
  EXPECT_EQ(usage.err, "crema: --set: \"base_lr\" is not KEY=VALUE (see crema train --help)\n");
}

TEST(ToolFlags, bounds_the_number_of_threads) {
  const TempFolder folder;
  const std::string solver = solver_in(folder);
  const Result flag = crema("train --solver " + solver + " --threads 99999");
  EXPECT_EQ(flag.code, 2);
  EXPECT_EQ(flag.err, "crema: --threads: Value 99999 not in range 1 to 4096 (see crema train --help)\n");
  ::setenv("OMP_NUM_THREADS", "99999", 1);
  const Result variable = crema("train --solver " + solver);
  ::unsetenv("OMP_NUM_THREADS");
  EXPECT_EQ(variable.code, 0) << variable.err;
  EXPECT_NE(variable.err.find("OMP_NUM_THREADS asks for 99999 threads, and 4096 are the most; "), std::string::npos)
      << variable.err;
}

// The library's own line has no place among the program's.
TEST(ToolFlags, names_what_openmp_would_not_understand) {
  const struct {
    const char *name, *value, *expected;  // "": nothing is wrong with it
  } rows[] = {{"OMP_NUM_THREADS", "two", "a number of threads, from 1"},
              {"OMP_NUM_THREADS", "", "a number of threads, from 1"},
              {"OMP_NUM_THREADS", "0", "a number of threads, from 1"},
              {"OMP_NUM_THREADS", "2,", "a number of threads, from 1"},
              {"OMP_NUM_THREADS", "99999999999999999999", "a number of threads, from 1"},
              {"OMP_NUM_THREADS", " 2 , 1", ""},
              {"OMP_WAIT_POLICY", "passiv", "active or passive"},
              {"OMP_WAIT_POLICY", "PASSIVE", ""}};
  for (const auto& row : rows) {
    SCOPED_TRACE(fmt::format("{}={}", row.name, row.value));
    ::setenv(row.name, row.value, 1);
    const Result result = crema("info");
    ::unsetenv(row.name);
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.err.find("libgomp"), std::string::npos) << result.err;
    const std::string line = fmt::format("] {}={} is left out: expected {}\n", row.name, row.value, row.expected);
    EXPECT_EQ(result.err.find(line) != std::string::npos, *row.expected != '\0') << result.err;
  }
}

TEST(ToolFlags, takes_caffes_spellings) {
  const TempFolder folder;
  const std::string solver = solver_in(folder);
  const Result trained = crema("train -solver=" + solver + " -level 2 -stage more -seed 5 -gpu all");
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_NE(trained.err.find("Train net output #0: extra = "), std::string::npos) << trained.err;
  EXPECT_NE(trained.err.find("] Random seed: 5\n"), std::string::npos);
  const std::string model = folder / "s_iter_2.caffemodel", net = folder / "net.prototxt";
  EXPECT_EQ(crema("train -solver " + solver + " -weights " + model + "," + model).code, 0);
  const Result resumed =
      crema("train -solver " + solver + " -set max_iter=3 -snapshot " + (folder / "s_iter_2.solverstate"));
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("] Iteration 2 ("), std::string::npos) << resumed.err;
  const Result tested =
      crema("test -model " + net + " -weights=" + model + " -iterations 2 -phase TRAIN -level 2 -stage=more -gpu=0");
  EXPECT_EQ(tested.code, 0) << tested.err;
  EXPECT_EQ(tested.out.substr(0, 8), "extra = ");
}

TEST(ToolFlags, may_stand_before_the_subcommand) {
  EXPECT_EQ(crema("-solver=none.prototxt -gpu 0 train").err,
            "crema: none.prototxt: cannot open: No such file or directory\n");
  EXPECT_TRUE(crema("--version").out.starts_with("crema 0."));
  EXPECT_EQ(crema("-colour red").code, 2);
}

TEST(ToolFlags, leaves_values_and_unknown_flags_as_they_are) {
  EXPECT_EQ(
      crema("train -solver -gpu").err,
      "crema: --solver: expected a file's name before \"-gpu\" (\"./-gpu\" for a file of that name) (see crema train "
      "--help)\n");
  EXPECT_EQ(crema("test -model -weights -weights x -level -3").err,
            "crema: --model: expected a file's name before \"-weights\" (\"./-weights\" for a file of that name) (see "
            "crema test --help)\n");
  EXPECT_EQ(crema("-solver train train").err, "crema: train: cannot open: No such file or directory\n");
  const Result unknown = crema("train -solver a -colour red");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(unknown.err, "crema: not expected: -colour red (see crema train --help)\n");
}

TEST(ToolFlags, one_line_says_that_nothing_runs_on_a_gpu) {
  const TempFolder folder;
  const std::string plain = solver_in(folder);
  EXPECT_EQ(crema("train --solver " + plain).err.find("runs on the CPU"), std::string::npos);
  const Result flagged = crema("train --solver " + plain + " --gpu 0");
  EXPECT_NE(flagged.err.find("] --gpu 0: crema runs on the CPU\n"), std::string::npos) << flagged.err;

  const std::string solver = solver_in(folder, "solver_mode: GPU\ndevice_id: 1\ntest_iter: 1 test_interval: 5");
  folder.write("net.prototxt", std::string(kNet) + R"(layer { name: "act" type: "ReLU" bottom: "ip" top: "act"
  relu_param { engine: CUDNN } })");
  const Result run = crema("train --solver " + solver);
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(count_of(run.err, "runs on the CPU"), 1u) << run.err;
  // The layer is in the train and in the test net.
  EXPECT_NE(run.err.find("] " + solver + ":8: solver_mode: GPU (and 2 more): crema runs on the CPU\n"),
            std::string::npos)
      << run.err;
  const Result tested = crema("test --model " + (folder / "net.prototxt") + " --weights " +
                              (folder / "s_iter_2.caffemodel") + " --iterations 1");
  EXPECT_NE(tested.err.find("net.prototxt:9: engine: CUDNN: crema runs on the CPU\n"), std::string::npos) << tested.err;
}

TEST(ToolFlags, test_logs_each_batch_if_told) {
  const TempFolder folder;
  ASSERT_EQ(crema("train --solver " + solver_in(folder)).code, 0);
  const Result tested = crema("test --model " + (folder / "net.prototxt") + " --weights " +
                              (folder / "s_iter_2.caffemodel") + " --iterations 2 --batches");
  ASSERT_EQ(tested.code, 0);
  std::smatch m;
  ASSERT_TRUE(std::regex_search(
      tested.err, m, std::regex("\\] Batch 0, loss = (\\S+)\n.*\\] Batch 1, loss = (\\S+)\n.*\\] Loss: (\\S+)\n$")))
      << tested.err;
  const double mean = (std::stod(m[1]) + std::stod(m[2])) / 2;
  EXPECT_NEAR(std::stod(m[3]), mean, 1e-4);
  EXPECT_NEAR(std::stod(tested.out.substr(7)), mean, 1e-4);
}

TEST(ToolFlags, a_python_layer_is_one_clear_error) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", R"(layer { name: "py" type: "Python" top: "x"
  python_param { module: "my_layers" layer: "Noise" } }
)");
  const Result run = crema("test --model " + net + " --weights none.caffemodel");
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.err,
            "crema: " + net +
                ":1:20: layer \"py\" is written in Python (module \"my_layers\", class \"Noise\") and cannot run "
                "here\n");
}

// The completions that bash offers for the last of `words`.
std::string completed(const TempFolder& folder, const std::string& words, int last) {
  const std::string script = fmt::format(
      "source '{}'; COMP_WORDS=({}); COMP_CWORD={}; _crema; echo \"${{COMPREPLY[*]}}\"", folder / "bash", words, last);
  const std::string command =
      fmt::format("bash --norc --noprofile '{}' > '{}' 2>&1", folder.write("run", script), folder / "out");
  EXPECT_EQ(std::system(command.c_str()), 0);
  return read_file(folder / "out");
}

TEST(ToolFlags, bash_completes) {
  const TempFolder folder;
  folder.write("bash", crema("completion bash").out);
  EXPECT_EQ(completed(folder, "crema tr", 1), "train\n");
  EXPECT_EQ(completed(folder, "crema train --so", 2), "--solver\n");
  EXPECT_EQ(completed(folder, "crema test --phase T", 3), "TRAIN TEST\n");
  EXPECT_EQ(completed(folder, "crema test --so", 2), "\n");
  EXPECT_EQ(completed(folder, "crema completion z", 2), "zsh\n");
  const std::string model = folder.write("some.prototxt", "");
  EXPECT_EQ(completed(folder, "crema train --solver " + (folder / "some"), 3), model + "\n");
  EXPECT_EQ(completed(folder, "crema train --solver = " + (folder / "some"), 4), model + "\n");
  EXPECT_EQ(completed(folder, "crema check " + (folder / "some"), 2), model + "\n");
  EXPECT_EQ(completed(folder, "crema train " + (folder / "some"), 2), model + "\n");
}

// All subcommands and flags that --help shows.
TEST(ToolFlags, completions_know_all_flags) {
  const std::string bash = crema("completion bash").out, zsh = crema("completion zsh").out,
                    fish = crema("completion fish").out;
  const std::string all = crema("--help").out;
  const std::regex command_line("\n  ([a-z]+) {2,}"), flag("--([a-z][-_a-z]*)");
  const std::string commands =
      all.substr(all.find("SUBCOMMANDS") == std::string::npos ? all.find("Subcommands") : all.find("SUBCOMMANDS"));
  size_t flags = 0, found = 0;
  for (std::sregex_iterator c(commands.begin(), commands.end(), command_line), end; c != end; ++c, ++found) {
    const std::string command = (*c)[1];
    EXPECT_NE(fish.find("-a " + command + " "), std::string::npos) << command;
    EXPECT_NE(zsh.find("'" + command + ":"), std::string::npos) << command;
    const std::string help = crema(command + " --help").out;
    const std::string own = help.substr(0, help.find("Example"));
    for (std::sregex_iterator f(own.begin(), own.end(), flag); f != end; ++f, ++flags) {
      const std::string name = (*f)[1];
      const size_t line = bash.find("\n    " + command + ") words=");
      ASSERT_NE(line, std::string::npos) << command;
      const std::string words = bash.substr(line, bash.find(";;", line) - line);
      EXPECT_TRUE(command == "completion" || words.find("--" + name) != std::string::npos) << command << " " << name;
      EXPECT_NE(zsh.find("'--" + name + "["), std::string::npos) << command << " " << name;
      EXPECT_NE(fish.find("'__fish_seen_subcommand_from " + command + "' -l " + name + " "), std::string::npos)
          << command << " " << name;
    }
  }
  EXPECT_GE(found, 4u) << all;
  EXPECT_GE(flags, 20u);
}

}  // namespace
}  // namespace crema

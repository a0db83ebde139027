// crema train: resuming from the newest snapshot, short runs that check a training, and a full disk.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "support/data_files.h"
#include "support/program.h"
#include "support/training.h"

namespace crema {
namespace {

namespace fs = std::filesystem;

TEST(ToolTrain, resumes_the_latest_snapshot_or_starts) {
  const TempFolder folder;
  const std::string two = lenet_solver(folder, std::string("max_iter: 2 snapshot: 1") + kOneTest);
  const Result first = crema("train --solver " + two + " --resume latest");
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_NE(first.err.find("there is no snapshot of " + (folder / "lenet") + " yet: starting"), std::string::npos);
  const std::string four = lenet_solver(folder, std::string("max_iter: 4") + kOneTest);
  const Result second = crema("train --solver " + four + " --resume latest");
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_NE(second.err.find(fmt::format("Resuming from {} at iteration 2", folder / "lenet_iter_2.solverstate")),
            std::string::npos)
      << second.err;
  EXPECT_TRUE(fs::exists(folder / "lenet_iter_4.solverstate"));
}

TEST(ToolTrain, a_resumed_run_is_built_once_with_the_seed_of_its_state) {
  const TempFolder folder;
  const std::string drawn = "--set random_seed=-1 --solver ";
  const Result first = crema("train " + drawn + lenet_solver(folder, std::string("max_iter: 1") + kOneTest));
  ASSERT_EQ(first.code, 0) << first.err;
  const size_t begin = first.err.find("Random seed: ");
  const std::string seed = first.err.substr(begin, first.err.find('\n', begin) - begin);
  const Result second =
      crema("train --resume latest " + drawn + lenet_solver(folder, std::string("max_iter: 2") + kOneTest));
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_NE(second.err.find(seed + "\n"), std::string::npos) << second.err;
  EXPECT_EQ(second.err.find("Random seed: "), second.err.rfind("Random seed: ")) << second.err;
}

TEST(ToolTrain, overfit_says_whether_the_net_can_learn) {
  const TempFolder folder;
  const Result learns = crema("train --overfit 30 --solver " + lenet_solver(folder, "max_iter: 200"));
  EXPECT_EQ(learns.code, 0) << learns.err;
  EXPECT_TRUE(learns.out.starts_with("The net can learn: on 30 records the loss fell from ")) << learns.out;
  const Result frozen = crema("train --overfit 30 --set base_lr=1e-9 --solver " + lenet_solver(folder, "max_iter: 5"));
  EXPECT_EQ(frozen.code, 1);
  EXPECT_TRUE(frozen.err.find("crema: --overfit 30: the net cannot learn these records: their loss is ") !=
              std::string::npos)
      << frozen.err;
  EXPECT_FALSE(fs::exists(folder / "lenet.metrics.jsonl"));
}

TEST(ToolTrain, a_dry_run_writes_nothing) {
  const TempFolder folder;
  const Result result = crema("train --dry-run --solver " + lenet_solver(folder,
                                                                         "max_iter: 90 snapshot: 1 test_iter: 9 "
                                                                         "test_interval: 10"));
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "Dry run: two iterations and two batches of each test net ran; nothing was written\n");
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder / "")) ++files;
  EXPECT_EQ(files, 1u);  // the solver
}

// A limit on the size of files simulates a full disk: a write fails in the middle.
TEST(ToolTrain, a_full_disk_costs_snapshots_alone) {
  const TempFolder folder;
  const std::string solver = lenet_solver(folder, std::string("max_iter: 4 snapshot: 2") + kOneTest);
  ASSERT_EQ(crema("train --set max_iter=2 --solver " + solver).code, 0);
  const std::string model = read_file(folder / "lenet_iter_2.caffemodel");
  const std::string state = read_file(folder / "lenet_iter_2.solverstate");
  const int status = std::system(
      fmt::format("bash -c 'ulimit -f 1000; exec {} train --solver {} 2> {}'", CREMA_TOOL, solver, folder / "err")
          .c_str());
  const std::string log = read_file(folder / "err");
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << status << log;
  EXPECT_NE(log.find("snapshot of iteration 2 failed: "), std::string::npos) << log;
  EXPECT_NE(log.find("lenet_iter_2.caffemodel: cannot write: File too large"), std::string::npos) << log;
  EXPECT_NE(log.find("Optimization Done."), std::string::npos) << log;
  EXPECT_TRUE(log.ends_with("crema: the training's last snapshot could not be written\n")) << log;
  EXPECT_TRUE(model == read_file(folder / "lenet_iter_2.caffemodel"));  // an old one of the same name is kept
  EXPECT_TRUE(state == read_file(folder / "lenet_iter_2.solverstate"));
  for (const auto& entry : fs::directory_iterator(folder / "")) {
    const std::string name = entry.path().filename().string();
    EXPECT_FALSE(name.ends_with(".tmp") || name.starts_with("lenet_iter_4")) << name;
  }
}

}  // namespace
}  // namespace crema

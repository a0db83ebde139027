// A training that is killed at 50 random moments, some of them while a snapshot is being written, and resumed each
// time, ends with the files of an uninterrupted training, byte for byte.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <sstream>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "support/data_files.h"

namespace crema {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// It has everything that may go wrong when a run is interrupted: shuffled and prefetched data, dropout, BatchNorm,
// iter_size, two test nets, averages of weights, a monitored output that decides the rate and the best snapshot, a rule
// with histories, warm-up.
std::string solver_text() {
  const std::string data = CREMA_SOURCE_DIR "/data/mnist-10k/";
  const auto source = [&](const char* phase, const char* stage, const std::string& images, const char* more) {
    return fmt::format(
        "layer {{ name: 'data' type: 'Data' top: 'data' top: 'label' include {{ phase: {} {} }}\n"
        "  transform_param {{ scale: 0.00390625 mirror: {} }}\n"
        "  data_param {{ backend: IDX source: '{}' {} }} }}\n",
        phase, stage, phase == std::string("TRAIN"), data + images, more);
  };
  return R"(
base_lr: 0.002 momentum: 0.9 weight_decay: 0.001 type: "Adam" lr_policy: "step" gamma: 0.9 stepsize: 37 warmup_iter: 20
max_iter: 1000 iter_size: 2 average_loss: 7 display: 10 snapshot: 3 keep_last: 3 histogram_interval: 50
test_iter: 2 test_iter: 1 test_interval: 4
test_state { stage: "small" } test_state { stage: "other" }
ema_decay: 0.999 test_ema: true monitor: "accuracy" keep_best: true
random_seed: 5 snapshot_prefix: "run"
net_param { name: "all"
)" + source("TRAIN", "", "train-images-idx3-ubyte.gz", "batch_size: 4 shuffle: true prefetch: 3") +
         source("TEST", "stage: 'small'", "t10k-images-idx3-ubyte.gz", "batch_size: 20 shuffle: true") +
         source("TEST", "stage: 'other'", "t10k-images-idx3-ubyte.gz", "batch_size: 30") + R"(
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
        inner_product_param { num_output: 150 weight_filler { type: "msra" } } }
layer { name: "bn1" type: "BatchNorm" bottom: "ip1" top: "ip1" }
layer { name: "scale1" type: "Scale" bottom: "ip1" top: "ip1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "drop1" type: "Dropout" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
        inner_product_param { num_output: 10 weight_filler { type: "msra" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
}
)";
}

class TrainingProcess {
 public:
  explicit TrainingProcess(const TempFolder& folder)
      : folder_(folder), solver_(folder.write("solver.prototxt", solver_text())) {}

  void start() {
    pid_ = ::fork();
    if (pid_ != 0) return;
    if (::chdir((folder_ / "").c_str()) == 0 && ::freopen("log", "a", stderr) != nullptr) {
      ::execl(CREMA_TOOL, CREMA_TOOL, "train", "--solver", "solver.prototxt", "--resume", "latest", "--threads", "1",
              nullptr);
    }
    ::_exit(127);
  }

  // Whether it has ended by itself within `time`.
  bool ends_within(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      if (ended()) return true;
      std::this_thread::sleep_for(1ms);
    }
    return ended();
  }

  // Waits until the run has written `count` snapshots, or has ended.
  void writes_snapshots(int count) {
    const int before = newest();
    for (int seen = before; count > 0 && !ended();) {
      const int now = newest();
      count -= now != seen;
      seen = now;
      std::this_thread::sleep_for(100us);
    }
  }

  // Waits until a file is being written; returns whether that was seen before the run ended.
  bool writes_file() {
    while (!ended()) {
      std::error_code ignored;
      for (const auto& entry : fs::directory_iterator(folder_ / "", ignored)) {
        if (entry.path().extension() == ".tmp") return true;
      }
    }
    return false;
  }

  void kill() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status_, 0);
    done_ = WIFEXITED(status_);
  }

  bool ended() {
    done_ = done_ || ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return done_;
  }
  // The latest iteration with a state; -1 if there is none.
  int newest() const {
    int newest = -1;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder_ / "", ignored)) {
      int iteration = 0;
      char dot = 0;
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".solverstate") && std::sscanf(name.c_str(), "run_iter_%d%c", &iteration, &dot) == 2) {
        newest = std::max(newest, iteration);
      }
    }
    return newest;
  }
  int code() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1; }
  std::string log() const { return read_file(folder_ / "log"); }

 private:
  const TempFolder& folder_;
  std::string solver_;
  pid_t pid_ = 0;
  int status_ = 0;
  bool done_ = false;
};

// The names and bytes of all snapshots that a run has left.
std::map<std::string, std::string> snapshots(const TempFolder& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder / "")) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".caffemodel") || name.ends_with(".solverstate")) files[name] = read_file(entry.path().string());
    EXPECT_FALSE(name.ends_with(".tmp")) << name << " was left behind";
  }
  return files;
}

// Metrics without times and speeds, which differ from run to run.
std::string metrics(const TempFolder& folder) {
  std::istringstream lines(read_file(folder / "run.metrics.jsonl"));
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    for (const char* key : {"\"seconds\":", "\"images_per_second\":"}) {
      const size_t begin = line.find(key);
      if (begin != std::string::npos) line.erase(begin, line.find(',', begin) - begin + 1);
    }
    text += line + "\n";
  }
  return text;
}

TEST(ToolKill, a_run_killed_fifty_times_ends_with_the_bits_of_an_uncut_one) {
  constexpr int kKills = 50;
  const TempFolder whole, cut;
  TrainingProcess uncut(whole);
  uncut.start();
  ASSERT_TRUE(uncut.ends_within(2min));
  ASSERT_EQ(uncut.code(), 0) << uncut.log();

  const Random random(draw_seed(), "kill", "");
  int kills = 0, while_writing = 0;
  for (; kills < kKills; ++kills) {
    TrainingProcess run(cut);
    run.start();
    const auto pick = [&](uint64_t what, double below) {
      return random.uniform(3 * static_cast<uint64_t>(kills) + what) * below;
    };
    run.writes_snapshots(static_cast<int>(pick(0, 4)));  // none: while it starts
    const bool writing = kills % 2 == 0 && run.writes_file();
    std::this_thread::sleep_for(std::chrono::microseconds(static_cast<int>(pick(1, writing ? 3000 : 20000))));
    if (run.ended()) break;
    run.kill();
    while_writing += writing;
  }
  ASSERT_EQ(kills, kKills) << "the run ended too early to be killed so often";
  TrainingProcess last(cut);
  const int reached = last.newest();
  last.start();
  ASSERT_TRUE(last.ends_within(2min)) << last.log();
  ASSERT_EQ(last.code(), 0) << last.log();
  fmt::print("{} kills, {} of them while a file was being written; the last one after iteration {}\n", kills,
             while_writing, reached);
  EXPECT_GE(reached, 50);

  const auto expected = snapshots(whole), found = snapshots(cut);
  ASSERT_GE(expected.size(), 3u * 3u);
  for (const auto& [name, bytes] : found) EXPECT_TRUE(expected.contains(name)) << name << " was left behind";
  for (const auto& [name, bytes] : expected) {
    ASSERT_TRUE(found.contains(name)) << name;
    EXPECT_TRUE(found.at(name) == bytes) << name << " differs";
  }
  EXPECT_EQ(metrics(whole), metrics(cut));
}

}  // namespace
}  // namespace crema

// What signals do to a running training.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <utility>

#include "base/file.h"
#include "support/data_files.h"
#include "support/program.h"
#include "support/training.h"

namespace crema {
namespace {

namespace fs = std::filesystem;

// Starts a training that would take long, and waits until it is under way. `ignored`: a signal that is ignored when it
// starts.
class LongTraining {
 public:
  explicit LongTraining(const char* flag = "--sigint_effect=stop", int ignored = SIGURG,
                        const char* until = "Iteration 2 ")
      : solver_(lenet_solver(folder_, std::string("max_iter: 1000000 display: 1") + kOneTest)), log_(folder_ / "log") {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::signal(ignored, SIG_IGN);
      if (::freopen(log_.c_str(), "w", stderr) != nullptr) {
        ::execl(CREMA_TOOL, CREMA_TOOL, "train", "--solver", solver_.c_str(), flag, nullptr);
      }
      ::_exit(127);
    }
    wait_for(until);
  }
  ~LongTraining() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  }

  void send(int signal) { ::kill(pid_, signal); }
  // The exit status, as waitpid tells it.
  int end() {
    int status = -1;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }
  std::string log() const { return read_file(log_); }
  const TempFolder& folder() const { return folder_; }
  const std::string& solver() const { return solver_; }
  pid_t pid() const { return pid_; }

  // Until the log has that text.
  void wait_for(const std::string& text) {
    for (int i = 0; i < 600; ++i) {
      if (fs::exists(log_) && log().find(text) != std::string::npos) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ADD_FAILURE() << "no \"" << text << "\" within a minute: " << log();
  }

 private:
  TempFolder folder_;
  std::string solver_, log_;
  pid_t pid_;
};

size_t states(const TempFolder& folder) {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder / "")) count += entry.path().extension() == ".solverstate";
  return count;
}

// Whether a training's exit code shows that this signal stopped it: 128 plus its number, as in shells.
testing::AssertionResult stopped_by(int signal, int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 128 + signal) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "status " << status;
}

TEST(ToolSignals, an_interrupt_or_a_request_to_end_stops_a_training_with_a_snapshot) {
  for (const int signal : {SIGINT, SIGTERM}) {
    LongTraining training;
    training.send(signal);
    EXPECT_TRUE(stopped_by(signal, training.end()));
    EXPECT_NE(training.log().find("Optimization stopped early."), std::string::npos);
    EXPECT_EQ(states(training.folder()), 1u);
  }
}

TEST(ToolSignals, a_second_one_ends_a_training_at_once) {
  for (const int signal : {SIGINT, SIGTERM}) {
    LongTraining training("--set=iter_size=1000000", SIGURG, "Solving ");  // an iteration without an end
    training.send(signal);
    training.wait_for("once more ends at once");
    training.send(signal);
    const int status = training.end();
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal) << status;
    EXPECT_EQ(states(training.folder()), 0u);
  }
}

// As in scripts' background jobs, and under nohup.
TEST(ToolSignals, one_that_is_ignored_stays_so_unless_a_flag_says_what_it_does) {
  for (const int signal : {SIGINT, SIGHUP}) {
    LongTraining training("--sigterm_effect=stop", signal);
    training.send(signal);
    training.send(signal);
    training.wait_for("Iteration 30 ");
    EXPECT_EQ(states(training.folder()), 0u);
    training.send(SIGTERM);
    EXPECT_TRUE(stopped_by(SIGTERM, training.end()));
    EXPECT_EQ(states(training.folder()), 1u);
  }
  LongTraining asked("--sighup_effect=stop", SIGHUP);
  asked.send(SIGHUP);
  EXPECT_TRUE(stopped_by(SIGHUP, asked.end()));
}

TEST(ToolSignals, short_runs_end_with_the_signals_code_too) {
  const TempFolder folder;
  const std::string solver = lenet_solver(folder, std::string("max_iter: 1000000") + kOneTest);
  for (const char* flag : {"--dry-run", "--overfit 8 --set base_lr=1e-9"}) {
    const std::string command = fmt::format("{0} train --solver {1} {2} 2> {3} & sleep 1; kill -TERM $!; wait $!",
                                            CREMA_TOOL, solver, flag, folder / "err");
    const int status = std::system(fmt::format("bash -c '{}'", command).c_str());
    const bool too_late = WIFEXITED(status) && WEXITSTATUS(status) == 0;  // a dry run is short
    EXPECT_TRUE(too_late || stopped_by(SIGTERM, status)) << read_file(folder / "err");
  }
}

// Also a resumed training is refused. And a lock ends with the process that held it.
TEST(ToolSignals, a_second_training_with_the_same_prefix_is_refused) {
  LongTraining training;
  training.send(SIGHUP);
  training.wait_for("Snapshotting solver state");
  for (const char* flags : {"", " --resume latest"}) {
    const Result second = crema("train --solver " + training.solver() + flags);
    EXPECT_EQ(second.code, 1);
    EXPECT_NE(second.err.find(fmt::format("another training, process {} on host ", training.pid())), std::string::npos)
        << second.err;
    EXPECT_EQ(second.err.find("Solving"), std::string::npos) << second.err;
  }
  training.send(SIGKILL);
  training.end();
  EXPECT_TRUE(fs::exists(training.folder() / "lenet.lock"));
  EXPECT_EQ(crema("train --set max_iter=1 --solver " + training.solver()).code, 0);
  EXPECT_FALSE(fs::exists(training.folder() / "lenet.lock"));
}

TEST(ToolSignals, a_hangup_writes_a_snapshot_and_training_goes_on) {
  LongTraining training;
  training.send(SIGHUP);
  training.wait_for("Snapshotting solver state");
  const std::string log = training.log();
  const size_t snapshot = log.find("lenet_iter_", log.find("Snapshotting solver state"));
  const int iteration = std::stoi(log.substr(snapshot + 11));
  training.wait_for(fmt::format("Iteration {} ", iteration + 3));
  training.send(SIGINT);
  EXPECT_TRUE(stopped_by(SIGINT, training.end()));
  EXPECT_EQ(states(training.folder()), 2u);
}

TEST(ToolSignals, effects_are_as_the_flags_say) {
  LongTraining training("--sigint_effect=snapshot");
  training.send(SIGINT);
  training.wait_for("Snapshotting solver state");
  EXPECT_EQ(training.log().find("Optimization stopped early."), std::string::npos);
  LongTraining other("--sighup_effect=stop");
  other.send(SIGHUP);
  EXPECT_TRUE(stopped_by(SIGHUP, other.end()));
  EXPECT_NE(other.log().find("Optimization stopped early."), std::string::npos);
}

// Starts a long training with stderr at `fd`; only the child keeps `fd`.
pid_t start_training(const std::string& solver, int fd) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::dup2(fd, STDERR_FILENO);
  ::execl(CREMA_TOOL, CREMA_TOOL, "train", "--solver", solver.c_str(), nullptr);
  ::_exit(127);
}

bool wait_for_states(const TempFolder& folder, size_t count) {
  for (int i = 0; i < 6000 && states(folder) < count; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return states(folder) >= count;
}

// As behind `crema train 2>&1 | tee log`, where Ctrl-C ends tee first.
TEST(ToolSignals, a_reader_of_the_log_that_is_gone_costs_no_snapshot) {
  const TempFolder folder;
  const std::string solver =
      lenet_solver(folder, std::string("max_iter: 1000000 display: 1 snapshot: 5 keep_last: 1") + kOneTest);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t pid = start_training(solver, ends[1]);
  ::close(ends[1]);
  char first = 0;
  ASSERT_EQ(::read(ends[0], &first, 1), 1);
  ::close(ends[0]);
  EXPECT_TRUE(wait_for_states(folder, 1));
  ::kill(pid, SIGINT);
  int status = -1;
  ::waitpid(pid, &status, 0);
  EXPECT_TRUE(stopped_by(SIGINT, status));
  EXPECT_EQ(states(folder), 1u);
}

// A terminal that is closed sends SIGHUP, and can no longer be written to.
TEST(ToolSignals, training_goes_on_without_its_terminal) {
  const TempFolder folder;
  const std::string solver = lenet_solver(folder, std::string("max_iter: 1000000 display: 1") + kOneTest);
  int master = -1;
  const pid_t pid = ::forkpty(&master, nullptr, nullptr, nullptr);
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::execl(CREMA_TOOL, CREMA_TOOL, "train", "--solver", solver.c_str(), nullptr);
    ::_exit(127);
  }
  std::string seen;
  for (char c = 0; seen.find("images/s") == std::string::npos && ::read(master, &c, 1) == 1;) seen += c;
  EXPECT_NE(seen.find("iteration "), std::string::npos) << seen;
  ::close(master);
  EXPECT_TRUE(wait_for_states(folder, 1)) << "no snapshot on SIGHUP";
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // some lines that nobody can read
  ::kill(pid, SIGINT);
  int status = -1;
  ::waitpid(pid, &status, 0);
  EXPECT_TRUE(stopped_by(SIGINT, status));
  EXPECT_EQ(states(folder), 2u);
}

}  // namespace
}  // namespace crema

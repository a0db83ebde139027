// The engine's results are compared with the plain path before they are used. Tests what happens with wrong kernels,
// and which answers are kept.
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "base/file.h"
#include "math/algorithms.h"
#include "math/checked_engine.h"
#include "math/self_check.h"
#include "support/data_files.h"
#include "support/messages.h"

namespace crema {
namespace {

const SelfChecks::Kernel kKernel{"convolution forward", "jit:some", "1x3x8x8 to 1x4x8x8"};

TEST(SelfChecks, CompareOnceAndWarnOnce) {
  SelfChecks checks;
  int runs = 0;
  const auto off_by = [&](double error) {
    return [&runs, error] {
      ++runs;
      return error;
    };
  };
  const std::string log = log_of([&] {
    EXPECT_TRUE(checks.right(kKernel, 1e-3, off_by(1e-6)));
    EXPECT_TRUE(checks.right(kKernel, 1e-3, off_by(1)));  // not run again
    EXPECT_EQ(runs, 1);
    for (const char* problem : {"a", "a", "b"}) {
      EXPECT_FALSE(checks.right({"convolution forward", "jit:other", problem}, 1e-3, off_by(0.5)));
    }
  });
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(log,
            "oneDNN's jit:other is wrong on this processor (convolution forward of a); the plain path computes what it "
            "would have\n");
  EXPECT_EQ(checks.take_work().comparisons, 3);
  EXPECT_EQ(checks.take_work().comparisons, 0);
  EXPECT_EQ(checks.answers().size(), 3U);
}

TEST(SelfChecks, TakeWhatIsNoNumberForWrong) {
  SelfChecks checks;
  EXPECT_FALSE(checks.right({"a", "k", "p"}, 1e-3, [] { return std::nan(""); }));
}

// There is no answer for a kernel that was not compared, so the comparison is tried again.
TEST(SelfChecks, RememberNoComparisonThatWasNotMade) {
  SelfChecks checks;
  EXPECT_FALSE(checks.right(kKernel, 1e-3, []() -> double { throw Error("no memory"); }));
  EXPECT_TRUE(checks.right(kKernel, 1e-3, [] { return std::nullopt; }));  // there is no problem to compare it on
  EXPECT_TRUE(checks.answers().empty());
  EXPECT_FALSE(checks.right(kKernel, 1e-3, [] { return 1.0; }));
}

TEST(SelfChecks, ArePausedForNetsThatAreOnlyLookedAt) {
  SelfChecks checks;
  {
    const SelfChecks::Pause pause(true), other(false);
    EXPECT_TRUE(checks.right(kKernel, 1e-3, [] { return 1.0; }));
  }
  EXPECT_TRUE(checks.answers().empty());
  EXPECT_FALSE(checks.right(kKernel, 1e-3, [] { return 1.0; }));
  const SelfChecks::Pause pause(true);
  EXPECT_FALSE(checks.right(kKernel, 1e-3, [] { return 0.0; }));  // a known answer counts
}

TEST(SelfChecks, BelieveEarlierProcesses) {
  SelfChecks first, second;
  EXPECT_FALSE(first.right(kKernel, 1e-3, [] { return 1.0; }));
  second.add(first.answers());
  const std::string log = log_of(
      [&] { EXPECT_FALSE(second.right(kKernel, 1e-3, []() -> double { throw std::logic_error("is known"); })); });
  EXPECT_NE(log.find("jit:some is wrong"), std::string::npos) << log;  // each such process warns
}

#ifdef CREMA_WITH_ONEDNN

// A convolution whose passes can be made wrong.
class Broken final : public EngineConvolution {
 public:
  enum Pass { none, forward_pass, data_pass, weights_pass, bias_pass, end };

  Broken(const ConvolutionProblem& p, Pass pass, bool behind)
      : engine_(EngineConvolution::create(p)), p_(p), pass_(pass), behind_(behind) {}

  Layout bottom_layout() const override { return engine_->bottom_layout(); }
  Layout top_layout() const override { return engine_->top_layout(); }
  std::string implementation() const override { return engine_->implementation(); }
  std::string backward_data_implementation() const override { return engine_->backward_data_implementation(); }
  std::string backward_weights_implementation() const override { return engine_->backward_weights_implementation(); }
  EngineMemory memory(bool, bool) const override { return {}; }
  bool keeps_weights() const override { return false; }

  void forward(const real* x, const real* w, uint64_t version, const real* b, const real* other, real* y) override {
    engine_->forward(x, w, version, b, other, y);
    spoil(forward_pass, storage_count(p_.top, top_layout()), y);
  }
  void backward_data(const real* dy, const real* w, uint64_t version, real* dx) override {
    engine_->backward_data(dy, w, version, dx);
    spoil(data_pass, storage_count(p_.bottom, bottom_layout()), dx);
  }
  void backward_weights(const real* x, const real* dy, real* dw, real beta_w, real* db, real beta_b) override {
    engine_->backward_weights(x, dy, dw, beta_w, db, beta_b);
    spoil(weights_pass, p_.weights.count(), dw);
    spoil(bias_pass, p_.weights[0], db);
  }

 private:
  void spoil(Pass pass, long count, real* result) const {
    if (pass == pass_) result[behind_ ? count : 0] += 1;
  }

  std::unique_ptr<EngineConvolution> engine_;
  ConvolutionProblem p_;
  Pass pass_;
  bool behind_;
};

TEST(SelfChecks, SeeOneWrongNumber) {
  const ConvolutionProblem p{.bottom = {2, 3, 9, 8},
                             .top = {2, 5, 5, 4},
                             .weights = {5, 3, 3, 3},
                             .windows = {{3, 3}, {2, 2}, {1, 1}, {1, 1}},
                             .bias = true};
  for (const bool behind : {false, true}) {
    for (int pass = Broken::none; pass < Broken::end; ++pass) {
      Broken broken(p, static_cast<Broken::Pass>(pass), behind);
      EXPECT_EQ(error_of_forward(broken, p) > 1e-2, pass == Broken::forward_pass);
      EXPECT_EQ(error_of_backward_data(broken, p) > 1e-2, pass == Broken::data_pass);
      EXPECT_EQ(error_of_backward_weights(broken, p) > 1e-2, pass == Broken::weights_pass || pass == Broken::bias_pass);
    }
  }
}

TEST(SelfChecks, SeeWrongSumsAndConcats) {
  class Wrong final : public EngineCombine {
   public:
    explicit Wrong(long count) : count_(count) {}
    void run(std::span<const real* const> x, real* y) override { std::copy_n(x[0], count_, y); }
    std::string implementation() const override { return "wrong"; }

   private:
    long count_;
  } wrong(12);
  const std::vector<real> coeff = {1, 2};
  const std::vector<long> lengths = {1, 3};
  EXPECT_GT(error_of_sum(wrong, 12, coeff), 0.1);
  EXPECT_GT(error_of_concat(wrong, 3, lengths), 0.1);
  EXPECT_LT(error_of_sum(*EngineCombine::sum(12, coeff), 12, coeff), 1e-6);
  EXPECT_EQ(error_of_concat(*EngineCombine::concat(3, lengths), 3, lengths), 0);
}

TEST(SelfChecks, FindTheEngineRight) {
  const InnerProductProblem product{.rows = 7, .inputs = 33, .outputs = 20, .bias = true};
  EXPECT_LT(error_of(*EngineInnerProduct::create(product), product), 1e-5);
  for (const PoolingMethod method : {PoolingMethod::maximum, PoolingMethod::average}) {
    const PoolingAxis axis{9, 3, 2, 0, 4};
    const PoolingProblem p{method, {2, 20, 9, 9}, Layout::plain, axis, axis};
    EXPECT_LT(error_of(*EnginePooling::create(p.method, p.x, p.layout, p.h, p.w), p), 1e-5);
    EXPECT_NE(checked_pooling(p), nullptr);
  }
  const StepsProblem steps{.rows = {5, 4}, .inputs = 64, .outputs = 70, .add = true};
  EXPECT_LT(error_of(*EngineSteps::create(steps), steps), 1e-5);
  EXPECT_NE(checked_steps(steps), nullptr);
  EXPECT_NE(checked_inner_product(product), nullptr);
}

// --- classes of shapes ---

TEST(SelfChecks, CompareOnSmallProblemsOfTheSameKind) {
  const ConvolutionProblem p{.bottom = {64, 3, 224, 224},
                             .top = {64, 130, 112, 112},
                             .weights = {130, 3, 7, 7},
                             .windows = {{7, 7}, {2, 2}, {3, 3}, {1, 1}}};
  const ConvolutionProblem small = class_of(p);
  EXPECT_EQ(small.bottom, (Shape{3, 3, 14, 64}));
  EXPECT_EQ(small.top, (Shape{3, 66, 7, 32}));
  EXPECT_EQ(small.weights, (Shape{66, 3, 7, 7}));
  EXPECT_EQ(small.windows, p.windows);
  EXPECT_EQ(class_of(small), small);
}

TEST(SelfChecks, CompareOnProblemsThatWindowsFit) {
  for (const long kernel : {1, 3, 5}) {
    for (const long stride : {1, 2, 5}) {
      for (const long pad : {0L, 1L, 40L}) {
        for (const long dilation : {1, 7}) {
          for (const long size : {8, 59, 300}) {
            const Windows w{{kernel, kernel}, {stride, stride}, {pad, pad}, {dilation, dilation}};
            const long out = w.positions(0, size);
            if (out < 1) continue;
            const ConvolutionProblem p{.bottom = {4, 32, size, size},
                                       .top = {4, 64, out, out},
                                       .weights = {64, 4, kernel, kernel},
                                       .windows = w,
                                       .group = 8};
            const ConvolutionProblem small = class_of(p);
            for (int a = 0; a < 2; ++a) {
              EXPECT_EQ(small.top[2 + a], w.positions(a, small.bottom[2 + a])) << kernel << stride << pad << dilation;
            }
            EXPECT_EQ(small.bottom[1], small.weights[1] * small.group);
            EXPECT_TRUE(class_of(small) == small);
          }
        }
      }
    }
  }
}

TEST(SelfChecks, AreMadeByTheParts) {
  SelfChecks::of_process().take_work();
  const ConvolutionProblem p{.bottom = {2, 5, 9, 11},
                             .top = {2, 7, 9, 11},
                             .weights = {7, 5, 1, 1},
                             .windows = {{1, 1}, {1, 1}, {0, 0}, {1, 1}}};
  EXPECT_NE(checked_convolution(p), nullptr);
  EXPECT_EQ(SelfChecks::of_process().take_work().comparisons, 3);
  EXPECT_NE(checked_convolution(p), nullptr);
  EXPECT_EQ(SelfChecks::of_process().take_work().comparisons, 0);
}

#endif

// --- the file ---

class ChecksFile : public testing::Test {
 protected:
  TempFolder folder_;
  std::string file_ = folder_ / "algorithms";
};

TEST_F(ChecksFile, KeepsWhatWasFound) {
  EXPECT_TRUE(SelfChecks::of_process().right({"test", "kernel", "kept"}, 1, [] { return 0.0; }));
  Algorithms(file_).save();
  EXPECT_NE(read_file(file_).find("test, kernel: kept\tcheck\tright\n"), std::string::npos) << read_file(file_);
  EXPECT_TRUE(Algorithms(file_).in_use().empty());
  // The file names a kernel that another process found wrong.
  std::string text = read_file(file_);
  text.replace(text.find("kept\tcheck\tright"), 16, "wrng\tcheck\twrong");
  write_file(file_, text);
  const Algorithms other(file_);
  EXPECT_FALSE(SelfChecks::of_process().right({"test", "kernel", "wrng"}, 1, [] { return 0.0; }));
}

TEST_F(ChecksFile, IsMeasuredAnewWhereItIsOld) {
  folder_.write("algorithms", "crema: algorithms of convolutions, 1\nproblem\tforward\tgemm\nend 1\n");
  const std::string log = log_of([&] { EXPECT_EQ(Algorithms(file_).find("problem", "forward"), ""); });
  EXPECT_EQ(log, "");
}

TEST_F(ChecksFile, MayBeAnythingThatNeverEnds) {
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  std::filesystem::create_directory(folder_ / "folder");
  std::ofstream(folder_ / "huge").seekp((1L << 34)) << 'x';
  for (const std::string& path : {file_, folder_ / "folder", std::string("/dev/zero"), folder_ / "huge"}) {
    const std::string log = log_of([&] {
      Algorithms store(path);
      store.remember("problem", "forward", "gemm", 0);
      EXPECT_EQ(store.find("problem", "forward"), "gemm");
      if (path != "/dev/zero") store.save();  // a lock file cannot be made in /dev
    });
    EXPECT_NE(log.find("convolutions are measured anew"), std::string::npos) << log;
  }
}

TEST_F(ChecksFile, IsWrittenByManyProcessesAtOnce) {
  constexpr int kProcesses = 5, kChoices = 20;
  for (int process = 0; process < kProcesses; ++process) {
    if (::fork() != 0) continue;
    for (int i = 0; i < kChoices; ++i) {
      Algorithms store(file_);
      store.remember(fmt::format("problem {} {}", process, i), "forward", "gemm", 0);
      log_of([&] { store.save(); });
    }
    ::_exit(0);
  }
  for (int process = 0; process < kProcesses; ++process) ::wait(nullptr);
  Algorithms store(file_);
  for (int process = 0; process < kProcesses; ++process) {
    for (int i = 0; i < kChoices; ++i) {
      EXPECT_EQ(store.find(fmt::format("problem {} {}", process, i), "forward"), "gemm") << process << ' ' << i;
    }
  }
}

TEST_F(ChecksFile, IsDoneWithoutWhereItsLockIsHeld) {
  const int held = ::open((file_ + ".lock").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::flock(held, LOCK_EX), 0);
  Algorithms store(file_);
  store.remember("problem", "forward", "gemm", 0);
  const std::string log = log_of([&] { store.save(); });
  ::close(held);
  EXPECT_NE(log.find("measured algorithms are not kept: "), std::string::npos) << log;
  EXPECT_NE(log.find("another process holds the lock"), std::string::npos) << log;
}

}  // namespace
}  // namespace crema

// Work in a separate process, and on a thread that prints nothing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "base/child.h"
#include "base/error.h"
#include "base/quiet.h"
#include "support/messages.h"
#include "support/sanitizer.h"

namespace crema {
namespace {

std::string said(const std::function<void(ChildOutput&)>& work) {
  return message_of([&] {
    Child child(work);
    child.finish();
  });
}

TEST(Child, HandsBackWhatItWrites) {
  std::vector<int> numbers(1'000'000);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i);
  Child child([&](ChildOutput& output) {
    output.put(numbers.size());
    output.write(numbers.data(), numbers.size() * sizeof(int));
  });
  std::vector<int> got(child.get<size_t>());
  child.read(got.data(), got.size() * sizeof(int));
  child.finish();
  EXPECT_EQ(got, numbers);
}

TEST(Child, HandsBackErrors) {
  EXPECT_EQ(said([](ChildOutput&) { throw Error("no such thing"); }), "no such thing");
  EXPECT_EQ(said([](ChildOutput&) {}), "no error");
  EXPECT_EQ(message_of([] { Child([](ChildOutput&) {}).get<int>(); }), "the library that reads it ends on it");
}

TEST(Child, MayDie) {
  EXPECT_EQ(said([](ChildOutput&) { std::raise(SIGSEGV); }),
            "the library that reads it crashes on it (Segmentation fault)");
  EXPECT_EQ(said([](ChildOutput&) { std::abort(); }), "the library that reads it crashes on it (Aborted)");
  EXPECT_EQ(said([](ChildOutput&) { ::_exit(0); }), "the library that reads it ends on it");
}

TEST(Child, IsBounded) {
#ifndef CREMA_SANITIZER_MALLOC
  EXPECT_EQ(said([](ChildOutput&) {
              limit_child(1 << 28, 60);
              std::vector<char> much(size_t{1} << 40);
            }),
            "it takes far more memory than its size accounts for");
#endif
  EXPECT_EQ(said([](ChildOutput&) {
              limit_child(1 << 28, 1);
              for (std::atomic<int> i = 0;;) ++i;
            }),
            "it takes far more time or memory than its size accounts for");
}

TEST(Child, PrintsNothingAndIsEndedWithItsOwner) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(said([](ChildOutput&) { std::cerr << "noise" << std::endl; }), "no error");
  {
    const Child sleeps([](ChildOutput&) { ::sleep(100); });
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Quietly, DropsWhatIsPrintedThereAlone) {
  testing::internal::CaptureStderr();
  for (int i = 0; i < 2; ++i) {
    quietly([] {
      std::fprintf(stderr, "noise");
      std::cerr << "noise" << std::endl;
      [[maybe_unused]] const ssize_t n = ::write(2, "noise", 5);
    });
  }
  std::cerr << "heard";
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "heard");
  EXPECT_EQ(message_of([] { quietly([] { throw Error("no such thing"); }); }), "no such thing");
}

}  // namespace
}  // namespace crema

// The largest error that a program's comparisons have seen, printed when its tests end: what the tolerances leave.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace crema {

class LargestError : public testing::Environment {
 public:
  // `error`: relative, as the comparison itself takes it. Belongs to the test that is running.
  static void note(double error) {
    if (!(error > largest().error)) return;
    const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
    largest() = {error, fmt::format("{}.{}", test->test_suite_name(), test->name())};
  }

 private:
  struct Largest {
    double error = 0;
    std::string test;
  };
  static Largest& largest() {
    static Largest largest;
    return largest;
  }
  void TearDown() override {
    if (largest().error > 0) fmt::print("largest relative error: {:.2g}, in {}\n", largest().error, largest().test);
  }
};

inline testing::Environment* const kLargestError = testing::AddGlobalTestEnvironment(new LargestError);

}  // namespace crema

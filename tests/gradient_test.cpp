// Gradients, in double: every row of rows/gradient_rows.cpp against differences of the forward pass, and against what
// the layer's contract promises of its backward pass.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "gradient_runner.h"
#include "support/largest_error.h"

namespace crema {
namespace {

constexpr double kStep = 1e-5, kTolerance = 1e-6;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double relative_error(double a, double b) { return std::abs(a - b) / std::max({1.0, std::abs(a), std::abs(b)}); }

// Compares a gradient by backward with one by differences.
bool agree(double backward, double difference) {
  const double error = relative_error(backward, difference);
  LargestError::note(error);
  return error <= kTolerance;
}

// Whether both hold the same numbers; the message tells what differs.
testing::AssertionResult equal(const std::vector<Variable>& a, const std::vector<Variable>& b) {
  if (a.size() != b.size()) return testing::AssertionFailure() << a.size() << " gradients, expected " << b.size();
  for (size_t v = 0; v < a.size(); ++v) {
    for (size_t i = 0; i < a[v].values.size(); ++i) {
      if (a[v].values[i] == b[v].values[i]) continue;
      return testing::AssertionFailure() << "the gradient of " << a[v].name << ", element " << i << ", is "
                                         << a[v].values[i] << ", expected " << b[v].values[i];
    }
  }
  return testing::AssertionSuccess();
}

void matches_differences_by_element(const GradientRow& row) {
  GradientRunner runner(row);
  const std::vector<Variable> gradient = runner.gradient();
  std::vector<Variable> at = runner.variables();
  for (size_t v = 0; v < at.size(); ++v) {
    for (size_t i = 0; i < at[v].values.size(); ++i) {
      double& x = at[v].values[i];
      const double middle = x;
      x = middle + kStep;
      const double above = runner.objective(at);
      x = middle - kStep;
      const double below = runner.objective(at);
      x = middle;
      const double difference = (above - below) / (2 * kStep);
      EXPECT_TRUE(agree(gradient[v].values[i], difference)) << at[v].name << ", element " << i << ": backward gives "
                                                            << gradient[v].values[i] << ", differences " << difference;
    }
  }
  EXPECT_FALSE(runner.statistics_moved()) << "a replayed pass has changed a parameter that does not learn";
}

// Compares along a direction through all variables at once. This also finds errors that no single element shows.
void matches_differences_along_directions(const GradientRow& row) {
  GradientRunner runner(row);
  const std::vector<Variable> gradient = runner.gradient();
  for (uint64_t repetition = 0; repetition < 3; ++repetition) {
    std::vector<Variable> direction = runner.variables();
    double squares = 0;
    for (size_t v = 0; v < direction.size(); ++v) {
      const Random random(1, "direction", direction[v].name, repetition);
      for (size_t i = 0; i < direction[v].values.size(); ++i) {
        direction[v].values[i] = random.gaussian(i);
        squares += direction[v].values[i] * direction[v].values[i];
      }
    }
    double along = 0;
    std::vector<Variable> ahead = runner.variables(), behind = ahead;
    for (size_t v = 0; v < direction.size(); ++v) {
      for (size_t i = 0; i < direction[v].values.size(); ++i) {
        const double delta = direction[v].values[i] / std::sqrt(squares);
        along += gradient[v].values[i] * delta;
        ahead[v].values[i] += kStep * delta;
        behind[v].values[i] -= kStep * delta;
      }
    }
    const double difference = (runner.objective(ahead) - runner.objective(behind)) / (2 * kStep);
    EXPECT_TRUE(agree(along, difference)) << "backward gives " << along << ", differences " << difference;
  }
}

// Before backward runs, everything is NaN that it does not read according to the contract, or that it must write.
void reads_what_it_says_alone(const GradientRow& row) {
  GradientRunner runner(row);
  const std::vector<Variable> clean = runner.gradient();
  const Contract contract = runner.layer().contract();
  const auto poison_all = [&] {
    runner.poison_diffs();
    for (size_t b = 0; b < runner.bottoms(); ++b) {
      if (contract.bottom_data_read.contains(static_cast<int>(b))) continue;
      std::fill_n(runner.bottom(b).mutable_data(), runner.bottom(b).storage(), kNan);
    }
    for (size_t t = 0; t < runner.tops(); ++t) {
      if (contract.top_data_read.contains(static_cast<int>(t))) continue;
      std::fill_n(runner.top(t).mutable_data(), runner.top(t).storage(), kNan);
    }
  };
  EXPECT_TRUE(equal(runner.gradient(poison_all), clean));
}

void accumulates_for_parameters_and_overwrites_for_bottoms(const GradientRow& row) {
  GradientRunner runner(row);
  const std::vector<Variable> once = runner.gradient();
  runner.poison_diffs();
  const std::vector<Variable> twice = runner.gradient_again();
  for (size_t v = 0; v < once.size(); ++v) {
    const double factor = once[v].name.starts_with("parameter") ? 2 : 1;
    for (size_t i = 0; i < once[v].values.size(); ++i) {
      EXPECT_LE(relative_error(twice[v].values[i], factor * once[v].values[i]), 1e-12)
          << once[v].name << ", element " << i << ": " << once[v].values[i] << ", then " << twice[v].values[i];
    }
  }
}

void leaves_bottoms_without_gradient_alone(const GradientRow& row) {
  GradientRunner whole(row);
  const std::vector<Variable> all = whole.gradient();
  for (size_t b = 0; b < whole.bottoms(); ++b) {
    const std::string name = fmt::format("bottom {}", b);
    std::vector<Variable> others;
    for (const Variable& v : all) {
      if (v.name != name) others.push_back(v);
    }
    GradientRunner stopped(row, static_cast<int>(b));
    // A layer without tops leads to no loss, so it runs backward only under force_backward.
    EXPECT_EQ(stopped.runs_backward(), !others.empty() && row.tops > 0);
    if (!stopped.runs_backward()) continue;
    std::vector<double> untouched(static_cast<size_t>(stopped.bottom(b).storage()), 12345);
    const std::vector<double> before = untouched;
    stopped.bottom(b).bind(stopped.bottom(b).mutable_data(), untouched.data());
    EXPECT_TRUE(equal(stopped.gradient(), others)) << "without a gradient at " << name;
    EXPECT_EQ(untouched, before) << "backward wrote a diff of " << name << ", which is not wanted";
  }
}

class Gradient : public testing::TestWithParam<GradientRow> {};

TEST_P(Gradient, IsRight) {
  matches_differences_by_element(GetParam());
  matches_differences_along_directions(GetParam());
  reads_what_it_says_alone(GetParam());
  accumulates_for_parameters_and_overwrites_for_bottoms(GetParam());
  leaves_bottoms_without_gradient_alone(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Rows, Gradient, testing::ValuesIn(gradient_rows()),
                         [](const auto& info) { return info.param.name; });

// --- the other way around: what the contract says is read is read ----------------------------------------------------

std::set<std::string> tested_types() {
  std::set<std::string> types;
  for (const GradientRow& row : gradient_rows()) types.insert(parse_layer(row.layer).type());
  return types;
}

// Overwrites the blob with NaN or, if its numbers are indices, with other valid indices.
void spoil(Blob& blob, bool indices) {
  for (long i = 0; i < blob.storage(); ++i) {
    blob.mutable_data()[i] = !indices ? kNan : blob.data()[i] == 0 ? 1 : 0;
  }
}

class Reads {
 public:
  void add(const GradientRow& row) {
    GradientRunner runner(row);
    const std::vector<Variable> clean = runner.gradient();
    const Contract contract = runner.layer().contract();
    const auto try_one = [&](const std::string& name, Blob& blob, bool indices) {
      declared_.insert(name);
      if (!equal(runner.gradient([&] { spoil(blob, indices); }), clean)) used_.insert(name);
    };
    for (size_t b = 0; b < runner.bottoms(); ++b) {
      if (contract.bottom_data_read.contains(static_cast<int>(b))) {
        try_one(fmt::format("bottom {}", b), runner.bottom(b), runner.holds_indices(b));
      }
    }
    for (size_t t = 0; t < runner.tops(); ++t) {
      if (contract.top_data_read.contains(static_cast<int>(t))) {
        try_one(fmt::format("top {}", t), runner.top(t), static_cast<int>(t) >= row.differentiable_tops);
      }
    }
  }
  const std::set<std::string>& declared() const { return declared_; }
  const std::set<std::string>& used() const { return used_; }

 private:
  std::set<std::string> declared_, used_;
};

class ContractOf : public testing::TestWithParam<std::string> {};

// Otherwise the memory plan would keep values that nobody needs.
TEST_P(ContractOf, NamesNothingThatIsNotRead) {
  Reads reads;
  for (const GradientRow& row : gradient_rows()) {
    if (parse_layer(row.layer).type() == GetParam()) reads.add(row);
  }
  EXPECT_EQ(reads.declared(), reads.used()) << "declared as read by backward, and really read";
}

INSTANTIATE_TEST_SUITE_P(Types, ContractOf, testing::ValuesIn(tested_types()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace crema

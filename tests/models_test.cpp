// Each solver in models/ builds its nets and trains two iterations, on data that come with the repository.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "solvers/solver.h"
#include "support/training.h"

namespace crema {
namespace {

std::vector<std::string> solvers() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("models")) {
    const std::string path = entry.path().string(), name = entry.path().filename().string();
    if (name.starts_with("solver") && name.ends_with(".prototxt") && !left_by_a_run(name)) paths.push_back(path);
  }
  return paths;
}

TEST(Models, train_two_iterations) {
  const auto paths = solvers();
  ASSERT_GE(paths.size(), 10u);
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    SolverConfig config = read_solver(path);
    if (path.find("spirals") == std::string::npos) {
      config.solver.mutable_train_state()->clear_stage();
      config.solver.mutable_train_state()->add_stage("mnist-10k");
      config.solver.clear_test_state();
      config.solver.add_test_state()->add_stage("mnist-10k");
    }
    SolverOptions options;
    options.snapshots = false;
    options.log_iterations = false;
    Solver solver(config, options);
    EXPECT_TRUE(std::isfinite(solver.step(2)));
    EXPECT_EQ(solver.test_nets(), 1);
  }
}

}  // namespace
}  // namespace crema

// Every recorded trajectory of golden/solvers, or of the folder that CREMA_GOLDEN_SOLVERS names, on each engine: loss
// and parameters after each of 25 iterations from init.caffemodel, and, if the folder has a state of iteration 10, also
// resumed from there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "solvers/solver.h"
#include "support/golden.h"

namespace crema {
namespace {

constexpr double kTolerance = 1e-5;

// The rows [iteration] of an array whose first axis counts iterations, as a whole array of the rest.
Array at_iteration(const Array& all, long iteration) {
  Array one{Shape(std::vector<long>(all.shape.dims().begin() + 1, all.shape.dims().end())), {}};
  const auto begin = all.values.begin() + iteration * one.shape.count();
  one.values.assign(begin, begin + one.shape.count());
  return one;
}

class Trajectory {
 public:
  Trajectory(const std::string& path, Engine engine) : path_(path), recorded_(read_hdf5(path + ".h5")) {
    SolverOptions options;
    options.engine = engine;
    options.snapshots = false;
    options.log_iterations = false;
    solver_ = std::make_unique<Solver>(path + ".prototxt", options);
  }

  Solver& solver() { return *solver_; }
  long iterations() const { return recorded_.at("loss").shape[0]; }

  // The iterations that are left.
  void expect_rest() {
    while (solver_->iteration() < iterations()) {
      const long iteration = solver_->iteration();
      SCOPED_TRACE(fmt::format("iteration {}", iteration));
      const real loss = static_cast<real>(solver_->step(1));
      EXPECT_TRUE(near(at_iteration(recorded_.at("loss"), iteration), Shape(), &loss, kTolerance)) << "loss";
      expect_parameters(iteration);
      if (testing::Test::HasFailure()) return;  // all later iterations are wrong, too
    }
  }

  void expect_parameters(long iteration) {
    size_t found = 0;
    Net& net = solver_->net();
    for (int i = 0; i < net.layers(); ++i) {
      for (size_t k = 0; k < net.layer(i).parameters().size(); ++k) {
        const std::string key = fmt::format("param/{}/{}", net.layer_config(i).name(), k);
        ASSERT_TRUE(recorded_.contains(key)) << key << " is not recorded";
        const Parameter& p = net.layer(i).parameters()[k];
        EXPECT_TRUE(near(at_iteration(recorded_.at(key), iteration), p.shape(), p.data(), kTolerance)) << key;
        ++found;
      }
    }
    EXPECT_EQ(found + 1, recorded_.size()) << "recorded are also parameters that the net has not";
  }

 private:
  std::string path_;
  std::map<std::string, Array> recorded_;
  std::unique_ptr<Solver> solver_;
};

void run_trajectory(const std::string& path, Engine engine) {
  Trajectory start(path, engine);
  start.solver().load(std::filesystem::path(path).replace_filename("init.caffemodel").string());
  start.expect_rest();
  const std::string state = path + "_iter_10.solverstate";
  if (!std::filesystem::exists(state)) return;
  SCOPED_TRACE("from " + state);
  Trajectory resumed(path, engine);
  resumed.solver().restore(state);
  ASSERT_EQ(resumed.solver().iteration(), 10);
  resumed.expect_parameters(9);
  resumed.expect_rest();
}

}  // namespace
}  // namespace crema

int main(int argc, char** argv) {
  return crema::run_golden(argc, argv, "CREMA_GOLDEN_SOLVERS", {"solvers"}, crema::run_trajectory);
}

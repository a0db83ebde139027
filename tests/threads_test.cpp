// Several nets in several threads of one program: each computes what it computes alone.
#include <gtest/gtest.h>

#include <thread>

#include "solvers/solver.h"
#include "support/golden.h"
#include "support/messages.h"
#include "support/nets.h"
#include "support/training.h"

namespace crema {
namespace {

constexpr int kNets = 3, kRounds = 4;

// Runs `work(0)` to `work(kNets - 1)` at the same time, each in a thread.
void side_by_side(const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kNets; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
}

// A net of its own batch size for each thread. Its layers use the engine, scratch memory and random numbers.
std::string some_net(int number) {
  return "force_backward: true " + input_text("x", {2 + number, 16, 6, 6}) +
         R"(layer { name: 'conv' type: 'Convolution' bottom: 'x' top: 'conv'
              convolution_param { num_output: 16 kernel_size: 3 pad: 1 weight_filler { type: 'xavier' } } }
            layer { name: 'norm' type: 'BatchNorm' bottom: 'conv' top: 'norm' }
            layer { name: 'relu' type: 'ReLU' bottom: 'norm' top: 'norm' }
            layer { name: 'pool' type: 'Pooling' bottom: 'norm' top: 'pool' pooling_param { kernel_size: 2 stride: 2 } }
            layer { name: 'drop' type: 'Dropout' bottom: 'pool' top: 'drop' }
            layer { name: 'ip' type: 'InnerProduct' bottom: 'drop' top: 'ip'
              inner_product_param { num_output: 4 weight_filler { type: 'xavier' } } }
            layer { name: 'l' type: 'Reduction' bottom: 'ip' top: 'l' loss_weight: 1 reduction_param { operation: SUMSQ } })";
}

Seen run_some_net(int number, Engine engine) {
  NetOptions options;
  options.engine = engine;
  options.threads = 1;
  const auto net = net_of(some_net(number), options);
  fill_input(*net, "x");
  for (int round = 0; round < kRounds; ++round) {
    net->forward();
    net->backward();
  }
  return see(*net);
}

TEST(Nets, SideBySideComputeWhatEachDoesAlone) {
  for (const auto& [name, engine] : golden_engines()) {
    SCOPED_TRACE("on the engine " + name);
    std::vector<Seen> seen(kNets);
    side_by_side([&, engine = engine](int i) { seen[i] = run_some_net(i, engine); });
    for (int i = 0; i < kNets; ++i) EXPECT_TRUE(same(seen[i], run_some_net(i, engine))) << "net " << i;
  }
}

// Loss after some iterations with shuffled data that a thread reads ahead, and a test.
double trained(int number) {
  SolverOptions options;
  options.snapshots = false;
  options.threads = 1;
  Solver solver(parse_solver(digits_solver("max_iter: 12 test_iter: 2 test_interval: 5 random_seed: " +
                                           std::to_string(number + 1)),
                             "solver.prototxt"),
                options);
  solver.solve();
  return *solver.net().value("loss").data();
}

TEST(Trainings, SideBySideEndWhereEachDoesAlone) {
  std::vector<double> losses(kNets);
  const std::string log = log_of([&] { side_by_side([&](int i) { losses[i] = trained(i); }); });
  for (int i = 0; i < kNets; ++i) {
    log_of([&] { EXPECT_EQ(losses[i], trained(i)) << "training " << i; });
  }
  EXPECT_NE(log.find("Iteration 5, Testing net"), std::string::npos) << log;
}

}  // namespace
}  // namespace crema

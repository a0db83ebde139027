// crema test: the means of a net's outputs over some batches.
#include <limits>

#include "base/log.h"
#include "commands.h"
#include "flags.h"
#include "solvers/evaluate.h"

namespace crema {
namespace {

struct TestFlags {
  NetFlags net;
  RunFlags run;
  int iterations = 50;
};

void test(const TestFlags& flags) {
  NetConfig config = read_net(flags.net);
  log_gpu_requests(flags.run, config);
  Net net(std::move(config), {.threads = flags.run.threads,
                              .engine = flags.run.engine,
                              .backward = false,
                              .precision = flags.run.precision,
                              .algorithms = algorithms(flags.run)});
  load_weights(flags.net, net);
  const auto log_batch = [](int batch, const std::vector<Score>& scores) {
    for (const Score& score : scores) CREMA_INFO("Batch {}, {} = {:g}", batch, score.name, score.value);
  };
  const auto result = evaluate(net, flags.iterations, {}, log_batch);
  CREMA_INFO("Loss: {:g}", result->loss);
  for (const Score& score : result->scores) fmt::print("{}\n", text(score));
}

}  // namespace

void add_test(CLI::App& app) {
  const auto flags = std::make_shared<TestFlags>();
  CLI::App* command = app.add_subcommand("test", "measure a trained net: the means of its outputs over some batches");
  add_net_flags(*command, flags->net);
  command->add_option("--iterations", flags->iterations, "batches to run, 50 unless told")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()).description("N"));
  add_run_flags(*command, flags->run);
  command->footer(
      "Example:\n  crema test --model models/lenet/train_test.prototxt"
      " --weights models/lenet/lenet_iter_2814.caffemodel --iterations 100");
  command->callback([flags] { test(*flags); });
}

}  // namespace crema

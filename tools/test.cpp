// crema test: the means of a net's outputs over some batches.
#include <limits>

#include "base/log.h"
#include "commands.h"
#include "flags.h"
#include "progress_line.h"
#include "records.h"
#include "solvers/evaluate.h"

namespace crema {
namespace {

struct TestFlags {
  NetFlags net;
  RunFlags run;
  int iterations = 50;
  bool batches = false;
};

// Reports progress: on the terminal's line, or by a log line from time to time.
class TestProgress {
 public:
  explicit TestProgress(int batches) : batches_(batches) {
    if (ProgressLine::possible()) line_.emplace();
  }

  void show(int done) {
    if (line_) return line_->show_share("batch", done, batches_);
    const Clock::time_point now = Clock::now();
    if (now - told_ < std::chrono::seconds(10)) return;
    told_ = now;
    CREMA_INFO("Batch {} of {}", done, batches_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  int batches_;
  std::optional<ProgressLine> line_;
  Clock::time_point told_ = Clock::now();
};

void test(const TestFlags& flags) {
  if (!flags.net.weights.empty()) check_is_model(flags.net.weights);
  NetConfig config = read_net(flags.net);
  log_gpu_requests(flags.run, config);
  const SourceSizes sizes(config);
  Net net(std::move(config), {.threads = flags.run.threads,
                              .engine = flags.run.engine,
                              .backward = false,
                              .precision = flags.run.precision,
                              .algorithms = algorithms(flags.run)});
  load_weights(flags.net, net);
  std::optional<TestProgress> progress(flags.iterations);
  const auto result = evaluate(net, flags.iterations, {}, [&](int batch, const std::vector<Score>& scores) {
    progress->show(batch + 1);
    if (!flags.batches) return;
    for (const Score& score : scores) CREMA_INFO("Batch {}, {} = {:g}", batch, score.name, score.value);
  });
  progress.reset();
  for (const std::string& line : sizes.seen(net)) CREMA_INFO("{}", line);
  CREMA_INFO("Loss: {:g}", result->loss);
  for (const Score& score : result->scores) fmt::print("{}\n", text(score));
}

}  // namespace

void add_test(CLI::App& app) {
  const auto flags = std::make_shared<TestFlags>();
  CLI::App* command = app.add_subcommand("test", "measure a trained net: the means of its outputs over some batches");
  add_net_flags(*command, flags->net);
  command->add_option("--iterations", flags->iterations, "batches to run, 50 unless told")
      ->check(in_range(1, std::numeric_limits<int>::max()));
  command->add_flag("--batches", flags->batches, "log the outputs of each batch, as Caffe does");
  add_run_flags(*command, flags->run);
  command->footer(
      "Example:\n  crema test --model models/lenet/train_test.prototxt"
      " --weights models/lenet/lenet_iter_2814.caffemodel --iterations 100");
  command->callback([flags] { test(*flags); });
}

}  // namespace crema

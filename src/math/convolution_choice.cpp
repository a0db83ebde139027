#include "math/convolution_choice.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "math/buffer.h"
#include "math/checked_engine.h"
#include "math/comparison.h"
#include "math/math_info.h"
#include "math/self_check.h"

namespace crema {
namespace {

constexpr double kHopeless = 2;   // an algorithm this many times slower than the fastest after two runs is not run
                                  // again
constexpr double kWorthIt = 0.9;  // another algorithm is taken below this share of the direct one's time
constexpr int kRuns = 4, kManyRuns = 25;
constexpr double kSeconds = 0.15;  // more than kRuns runs are made only within this time
constexpr long kFewChannels = 8;
constexpr double kWork = 2e9;  // multiply-adds of a run, about: batches that need more are cut

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string times(const std::vector<long>& numbers) { return fmt::format("{}", fmt::join(numbers, "x")); }

// Algorithms that may be faster than "direct". Winograd's transforms are for 3x3 windows that move by 1. Matrix
// products win if a vector of channels would be mostly zeros.
std::vector<std::string> candidates(const ConvolutionProblem& p) {
  std::vector<std::string> names;
  const auto all = [](const std::vector<long>& numbers, long n) {
    return std::all_of(numbers.begin(), numbers.end(), [n](long i) { return i == n; });
  };
  const Windows& w = p.windows;
  const long outputs = p.weights[0] / p.group, channels = p.weights[1];
  if (w.kernel.size() == 2 && all(w.kernel, 3) && all(w.stride, 1) && all(w.dilation, 1) && outputs > 1) {
    names.emplace_back("winograd");
  }
  const bool each_channel = p.group > 1 && outputs == 1 && channels == 1;
  if (!each_channel && std::min(channels, outputs) < kFewChannels) names.emplace_back("gemm");
  return names;
}

Shape with_batch(const Shape& shape, long batch) {
  std::vector<long> dims = shape.dims();
  dims[0] = batch;
  return Shape(dims);
}

// The problem, or the same with fewer images if a run would take long; but at least two images for each thread.
ConvolutionProblem sample(const ConvolutionProblem& p) {
  const long batch = p.bottom[0], outputs = p.top.count() / batch;
  const double image = static_cast<double>(outputs) * static_cast<double>(p.weights.count_from(1));
  const long enough = std::max(2L * omp_get_max_threads(), static_cast<long>(kWork / image));
  ConvolutionProblem cut = p;
  cut.bottom = with_batch(p.bottom, std::min(batch, enough));
  cut.top = with_batch(p.top, std::min(batch, enough));
  return cut;
}

// Memory that all candidates run on, and their passes.
class Trial {
 public:
  Trial(const ConvolutionProblem& p, const EngineConvolution& direct)
      : bottom_(storage_count(p.bottom, direct.bottom_layout())),
        top_(storage_count(p.top, direct.top_layout())),
        weights_(p.weights.count()),
        x_(noise(bottom_, 1)),
        dy_(noise(top_, 2)),
        w_(noise(weights_, 3)),
        b_(noise(p.weights[0], 4)),
        db_(p.weights[0]),
        bias_(p.bias) {}

  using Run = std::function<void(EngineConvolution&, real*)>;

  // Runs a pass that writes `result`; new weights each time, as in training.
  Run forward() {
    return [this](EngineConvolution& c, real* y) {
      c.forward(x_.data(), w_.data(), ++version_, bias_ ? b_.data() : nullptr, dy_.data(), y);
    };
  }
  Run backward_data() {
    return [this](EngineConvolution& c, real* dx) { c.backward_data(dy_.data(), w_.data(), ++version_, dx); };
  }
  Run backward_weights() {
    return [this](EngineConvolution& c, real* dw) {
      c.backward_weights(x_.data(), dy_.data(), dw, 0, bias_ ? db_.data() : nullptr, 0);
    };
  }

  long bottom() const { return bottom_; }
  long top() const { return top_; }
  long weights() const { return weights_; }

 private:
  long bottom_, top_, weights_;
  Buffer x_, dy_, w_, b_, db_;
  bool bias_;
  uint64_t version_ = 0;
};

// Other programs can only make a run slower, so the shortest run counts.
struct Candidate {
  std::string algorithm;
  EngineConvolution* convolution;
  double best = std::numeric_limits<double>::max();
};

// The candidates whose results agree with the first one's. These runs also generate the code and touch the memory that
// later runs use.
std::vector<Candidate> right_ones(const std::vector<Candidate>& all, long count, const Trial::Run& run,
                                  double tolerance) {
  Buffer expected(count), actual(count);
  run(*all[0].convolution, expected.data());
  std::vector<Candidate> right = {all[0]};
  for (size_t i = 1; i < all.size(); ++i) {
    run(*all[i].convolution, actual.data());
    if (difference(actual.data(), expected.data(), count) < tolerance) right.push_back(all[i]);
  }
  return right;
}

// The fastest of all candidates; the first one is "direct". Candidates take turns, so that other load on the machine
// affects all of them.
std::string fastest(std::vector<Candidate> all, long count, const Trial::Run& run, double tolerance) {
  all = right_ones(all, count, run, tolerance);
  Buffer result(count);
  const double start = now();
  for (int round = 0; round < kManyRuns && all.size() > 1; ++round) {
    if (round >= kRuns && now() - start > kSeconds) break;
    double best = std::numeric_limits<double>::max();
    for (Candidate& candidate : all) {
      const double before = now();
      run(*candidate.convolution, result.data());
      candidate.best = std::min(candidate.best, now() - before);
      best = std::min(best, candidate.best);
    }
    if (round > 0) std::erase_if(all, [best](const Candidate& c) { return c.best > kHopeless * best; });
  }
  const Candidate* chosen = &all[0];
  for (const Candidate& candidate : all) {
    const double handicap = chosen->algorithm == "direct" ? kWorthIt : 1;
    if (candidate.best < handicap * chosen->best) chosen = &candidate;
  }
  return chosen->algorithm;
}

// A pass: its name, the function that names its kernel, and the field for its choice.
struct PassOf {
  const char* name;
  std::string (EngineConvolution::*implementation)() const;
  std::string ConvolutionAlgorithms::*algorithm;
};

const PassOf kPasses[] = {
    {"forward", &EngineConvolution::implementation, &ConvolutionAlgorithms::forward},
    {"backward_data", &EngineConvolution::backward_data_implementation, &ConvolutionAlgorithms::backward_data},
    {"backward_weights", &EngineConvolution::backward_weights_implementation, &ConvolutionAlgorithms::backward_weights},
};

// Measures the passes that `chosen` leaves open.
class Measurement {
 public:
  explicit Measurement(const ConvolutionProblem& problem) : problem_(sample(problem)) {
    for (const std::string& name : candidates(problem)) {
      others_.emplace_back(name, EngineConvolution::create(problem_, {name, name, name}));
    }
    if (has_candidates()) direct_ = EngineConvolution::create(problem_);
    if (!direct_) others_.clear();
  }

  bool has_candidates() const { return !others_.empty(); }

  std::string measure(const PassOf& pass) {
    std::vector<Candidate> all = {{"direct", direct_.get()}};
    for (const auto& [name, convolution] : others_) {
      const bool differs =
          convolution && ((*convolution).*pass.implementation)() != ((*direct_).*pass.implementation)();
      if (differs) all.push_back({name, convolution.get()});
    }
    if (all.size() == 1) return "direct";
    const double tolerance = tolerance_of(problem_.precision);
    if (!trial_) trial_ = std::make_unique<Trial>(problem_, *direct_);
    if (pass.algorithm == &ConvolutionAlgorithms::forward)
      return fastest(all, trial_->top(), trial_->forward(), tolerance);
    if (pass.algorithm == &ConvolutionAlgorithms::backward_data)
      return fastest(all, trial_->bottom(), trial_->backward_data(), tolerance);
    return fastest(all, trial_->weights(), trial_->backward_weights(), tolerance);
  }

 private:
  ConvolutionProblem problem_;
  std::unique_ptr<EngineConvolution> direct_;
  std::vector<std::pair<std::string, std::unique_ptr<EngineConvolution>>> others_;
  std::unique_ptr<Trial> trial_;
};

}  // namespace

namespace {

std::string finish_text(const Finish& finish) {
  return fmt::format("{}{}", finish.add ? ", sum" : "", finish.relu ? ", relu" : "");
}

}  // namespace

std::string problem_text(const ConvolutionProblem& p) {
  const Windows& w = p.windows;
  return fmt::format("{} to {}, kernel {}, stride {}, pad {}, dilation {}, group {}{}{}, {}, {} threads",
                     times(p.bottom.dims()), times(p.top.dims()), times(w.kernel), times(w.stride), times(w.pad),
                     times(w.dilation), p.group, p.bias ? ", bias" : "", finish_text(p.finish),
                     precision_name(p.precision), omp_get_max_threads());
}

std::unique_ptr<EngineConvolution> choose_convolution(const ConvolutionProblem& problem, Algorithms* store,
                                                      bool backward) {
  auto direct = checked_convolution(problem);
  if (!direct || store == nullptr) return direct;
  const std::string text = problem_text(problem);
  ConvolutionAlgorithms chosen;
  std::unique_ptr<Measurement> measurement;
  for (const PassOf& pass : kPasses) {
    if (!backward && pass.algorithm != &ConvolutionAlgorithms::forward) break;
    std::string algorithm = store->find(text, pass.name);
    if (algorithm.empty() && PlannedMemory::on()) algorithm = "direct";  // there is no memory to measure in
    if (algorithm.empty()) {
      const double start = now();
      if (!measurement) measurement = std::make_unique<Measurement>(problem);
      if (!measurement->has_candidates()) return direct;
      algorithm = measurement->measure(pass);
      store->remember(text, pass.name, algorithm, now() - start);
    }
    chosen.*pass.algorithm = algorithm;
  }
  if (chosen == ConvolutionAlgorithms{}) return direct;
  auto fastest = checked_convolution(problem, chosen);
  return fastest ? std::move(fastest) : std::move(direct);
}

}  // namespace crema

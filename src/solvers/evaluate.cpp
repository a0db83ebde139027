#include "solvers/evaluate.h"

#include <algorithm>

#include "math/loops.h"

namespace crema {
namespace {

long elements(const std::vector<Score>& scores) {
  long count = 0;
  for (const Score& score : scores) count += score.elements;
  return count;
}

}  // namespace

std::vector<Score> scores(const Net& net) {
  std::vector<NetOutput> outputs = net.outputs();
  std::stable_sort(outputs.begin(), outputs.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::vector<Score> all;
  for (const NetOutput& output : outputs) {
    const long count = output.blob->count();
    const auto value = [y = output.blob->data()](long i) { return static_cast<double>(y[i]); };
    if (count > Score::kListed) {
      all.push_back(
          {output.name, parallel_sum(count, 1, value) / static_cast<double>(count), output.loss_weight, count});
      continue;
    }
    for (long i = 0; i < count; ++i) all.push_back({output.name, value(i), output.loss_weight});
  }
  return all;
}

std::string text(const Score& score) {
  std::string line = fmt::format("{} = {:g}", printable(score.name), score.value);
  if (score.elements > 1) line += fmt::format(" (mean of {})", score.elements);
  if (score.weight != 0) line += fmt::format(" (* {:g} = {:g} loss)", score.weight, score.weight * score.value);
  return line;
}

std::optional<Evaluation> evaluate(Net& net, int batches, const std::function<bool()>& stop,
                                   const std::function<void(int, const std::vector<Score>&)>& after_batch) {
  Evaluation sum;
  for (int batch = 0; batch < batches; ++batch) {
    if (stop && stop()) return std::nullopt;
    sum.loss += static_cast<double>(net.forward());
    const std::vector<Score> now = scores(net);
    if (after_batch) after_batch(batch, now);
    if (batch == 0) {
      sum.scores = now;
      continue;
    }
    check(now.size() == sum.scores.size() && elements(now) == elements(sum.scores),
          "the net's outputs have {} elements in batch {}, and had {} before", elements(now), batch,
          elements(sum.scores));
    for (size_t i = 0; i < now.size(); ++i) sum.scores[i].value += now[i].value;
  }
  sum.loss /= batches;
  for (Score& score : sum.scores) score.value /= batches;
  return sum;
}

}  // namespace crema

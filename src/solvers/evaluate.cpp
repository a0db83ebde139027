#include "solvers/evaluate.h"

#include <algorithm>

namespace crema {

std::vector<Score> scores(const Net& net) {
  std::vector<NetOutput> outputs = net.outputs();
  std::stable_sort(outputs.begin(), outputs.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::vector<Score> all;
  for (const NetOutput& output : outputs) {
    for (long i = 0; i < output.blob->count(); ++i) {
      all.push_back({output.name, static_cast<double>(output.blob->data()[i]), output.loss_weight});
    }
  }
  return all;
}

std::string text(const Score& score) {
  std::string line = fmt::format("{} = {:g}", score.name, score.value);
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
    check(now.size() == sum.scores.size(), "the net's outputs have {} elements in batch {}, and had {} before",
          now.size(), batch, sum.scores.size());
    for (size_t i = 0; i < now.size(); ++i) sum.scores[i].value += now[i].value;
  }
  sum.loss /= batches;
  for (Score& score : sum.scores) score.value /= batches;
  return sum;
}

}  // namespace crema

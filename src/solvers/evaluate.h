// The values of a net's outputs: after one forward pass, and as means over many.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/net.h"

namespace crema {

// One element of an output or, for an output with more than kListed elements, their mean.
struct Score {
  static constexpr long kListed = 1000;
  std::string name;  // the output's
  double value;
  float weight;       // its loss weight; 0: not a part of the loss
  long elements = 1;  // the number of elements that `value` is the mean of
};

struct Evaluation {
  double loss = 0;
  std::vector<Score> scores;
};

// The outputs of the last forward pass, sorted by name, element by element where they are not too many.
std::vector<Score> scores(const Net& net);

// "accuracy = 0.9912", "loss = 0.23 (* 1 = 0.23 loss)", "map = 0.5 (mean of 262144)".
std::string text(const Score& score);

// Means over `batches` forward passes; nothing if stop() asked to end before the last. Throws Error if an output
// changes its size from one pass to another. `after_batch` gets each batch's number, from 0, and its outputs.
std::optional<Evaluation> evaluate(Net& net, int batches, const std::function<bool()>& stop = {},
                                   const std::function<void(int, const std::vector<Score>&)>& after_batch = {});

}  // namespace crema

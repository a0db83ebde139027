// An exponential moving average of the weights (Polyak and Juditsky, 1992, "Acceleration of stochastic approximation by
// averaging", with weights that decay exponentially):
//   a <- d a + (1 - d) w,  d = min(ema_decay, (1 + t) / (10 + t))
// after the update of iteration t, from 0: at first it forgets faster, so that the initial weights fade out.
#pragma once

#include <vector>

#include "core/net.h"

namespace crema {

class WeightAverage {
 public:
  // Starts at the current weights. `parameters` outlives the average; those that do not learn are not averaged.
  WeightAverage(float decay, std::vector<NetParameterInfo>& parameters);

  void update(int iteration);
  // Starts again at the current weights: for use after weights were loaded.
  void restart();

  // Exchanges weights and average. While exchanged, every net that shares the weights runs on the average.
  void exchange();

  // The averages of those parameters that learn, in order. restore() throws Error, before anything has changed, if they
  // do not fit.
  void save(SolverState* state) const;
  void restore(const SolverState& state);

 private:
  float decay_;
  std::vector<NetParameterInfo> parameters_;  // that learn
  std::vector<Buffer> average_;
  std::vector<long> counts_;
};

// During its lifetime, nets run on the average, or on the weights if `average` is null.
class AverageScope {
 public:
  explicit AverageScope(WeightAverage* average) : average_(average) {
    if (average_ != nullptr) average_->exchange();
  }
  ~AverageScope() {
    if (average_ != nullptr) average_->exchange();
  }
  AverageScope(const AverageScope&) = delete;
  AverageScope& operator=(const AverageScope&) = delete;

 private:
  WeightAverage* average_;
};

}  // namespace crema

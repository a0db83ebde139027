// Parameters of a known problem, J = sum of c (w - m)^2 / 2, for tests of the code that changes parameters.
#pragma once

#include <cmath>
#include <deque>
#include <string>
#include <vector>

#include "config/net_config.h"
#include "core/net.h"

namespace crema {

inline SolverConfig solver_config(const std::string& text) {
  return parse_solver("base_lr: 0.1 " + text, "solver.prototxt");
}

// Parameters with the rates and decays that a net would give them.
class Problem {
 public:
  static constexpr double kCurvature = 0.7, kLambda = 0.02;

  void add(long count, float lr_mult, float decay_mult) {
    Parameter& p = parameters_.emplace_back(Shape{count}, FillerParameter(), true);
    p.set_storage(std::make_shared<Parameter::Storage>());
    p.storage()->data = Buffer(count);
    p.storage()->diff = Buffer(count, std::nanf(""));  // must not be read before a gradient is written
    for (long i = 0; i < count; ++i) p.mutable_data()[i] = static_cast<real>(start(i));
    infos.push_back({&p, "layer", static_cast<int>(infos.size()), lr_mult, decay_mult});
  }

  static double start(long i) { return 1.5 * std::sin(static_cast<double>(i) + 0.5); }
  static double slope(double w, long i) { return kCurvature * (w - 0.3 * static_cast<double>(i % 3)); }
  static double rate(int t) { return 0.2 / (1 + t); }

  // Adds the gradient at the parameters' current values, as backward does.
  void add_gradients(double share = 1) {
    for (NetParameterInfo& info : infos) {
      const real beta = info.parameter->beta();
      for (long i = 0; i < info.parameter->count(); ++i) {
        real& g = info.parameter->mutable_diff()[i];
        g = (beta == 0 ? 0 : g) + static_cast<real>(share * slope(info.parameter->data()[i], i));
      }
    }
  }

  std::vector<NetParameterInfo> infos;

 private:
  std::deque<Parameter> parameters_;
};

}  // namespace crema

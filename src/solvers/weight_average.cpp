#include "solvers/weight_average.h"

#include <algorithm>
#include <utility>

#include "core/weights.h"
#include "math/loops.h"
#include "math/many.h"

namespace crema {

WeightAverage::WeightAverage(float decay, std::vector<NetParameterInfo>& parameters) : decay_(decay) {
  for (const NetParameterInfo& info : parameters) {
    if (!info.parameter->learns()) continue;
    parameters_.push_back(info);
    average_.emplace_back(info.parameter->count());
    counts_.push_back(info.parameter->count());
  }
  restart();
}

void WeightAverage::restart() {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    copy_elements(parameters_[i].parameter->count(), parameters_[i].parameter->data(), average_[i].data());
  }
}

void WeightAverage::update(int iteration) {
  const double t = iteration;
  const auto d = static_cast<real>(std::min(static_cast<double>(decay_), (1 + t) / (10 + t)));
  for_arrays(counts_, 2, [&](size_t i, long begin, long end) {
    const real* w = parameters_[i].parameter->data();
    real* a = average_[i].data();
#pragma omp simd
    for (long k = begin; k < end; ++k) a[k] = d * a[k] + (1 - d) * w[k];
  });
}

void WeightAverage::exchange() {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    std::swap(parameters_[i].parameter->storage()->data, average_[i]);
    parameters_[i].parameter->raise_version();
  }
}

void WeightAverage::save(SolverState* state) const {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    to_proto(parameters_[i].parameter->shape(), average_[i].data(), state->add_average());
  }
}

void WeightAverage::restore(const SolverState& state) {
  const auto expected = static_cast<int>(parameters_.size());
  check(state.average_size() == expected, "the state holds averages of {} arrays, and {} parameters learn",
        state.average_size(), expected);
  std::vector<Buffer> restored;
  for (int i = 0; i < expected; ++i) {
    const NetParameterInfo& info = parameters_[i];
    restored.emplace_back(info.parameter->count());
    try {
      from_proto(state.average(i), info.parameter->shape(), restored.back().data());
    } catch (const Error& error) {
      throw Error("average of layer \"{}\", parameter {}: {}", info.layer, info.index, error.what());
    }
  }
  average_ = std::move(restored);
}

}  // namespace crema

#include "timing.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <numeric>

#include "base/random.h"
#include "core/feed.h"

namespace crema {
namespace {

using Clock = std::chrono::steady_clock;

// The first passes create objects that are kept, touch memory for the first time and fill caches.
constexpr int kWarmUp = 5;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<long>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// A line of the system's report on the process, as "VmHWM:   1234 kB", in bytes.
long status_bytes(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) return std::stol(line.substr(key.size() + 1)) * 1024;
  }
  return 0;
}

}  // namespace

long resident_bytes() { return status_bytes("VmRSS"); }
long peak_bytes() { return status_bytes("VmHWM"); }

Timing measure(Net& net, int iterations) {
  Timing timing{iterations, kWarmUp, {}};
  const auto& steps = net.steps().steps;
  std::vector<std::vector<double>> times(steps.size());
  std::vector<double> forward, backward;
  Clock::time_point begin;
  bool counts = false;
  net.set_observer([&](const Step& step, bool done) {
    if (!done) {
      begin = Clock::now();
    } else if (counts) {
      times[static_cast<size_t>(&step - steps.data())].push_back(ms_since(begin));
    }
  });
  const bool has_backward = net.steps().backward_begin < static_cast<int>(steps.size());
  for (int i = -kWarmUp; i < iterations; ++i) {
    counts = i >= 0;
    Clock::time_point start = Clock::now();
    net.forward();
    if (counts) forward.push_back(ms_since(start));
    if (!has_backward) continue;
    // The state after an update: gradients are written, not added up.
    for (const NetParameterInfo& info : net.parameters()) info.parameter->forget_diff();
    start = Clock::now();
    net.backward();
    if (counts) backward.push_back(ms_since(start));
  }
  net.set_observer(nullptr);
  for (auto& step : times) timing.step_ms.push_back(median(std::move(step)));
  timing.forward_ms = mean(forward);
  timing.backward_ms = has_backward ? mean(backward) : 0;
  timing.total_ms = (timing.forward_ms + timing.backward_ms) * iterations;
  return timing;
}

void fill_inputs(Net& net) {
  for (int i = 0; i < net.layers(); ++i) {
    if (net.layer_config(i).type() != "MemoryData") continue;
    const Shape& batch = net.tops(i)[0]->shape();
    const Random random(net.seed(), "time", net.layer_config(i).name(), 0);
    std::vector<float> data(static_cast<size_t>(batch.count()));
    for (size_t k = 0; k < data.size(); ++k) data[k] = static_cast<float>(random.uniform(k));
    feed(net, net.layer_config(i).name(), std::move(data), std::vector<float>(static_cast<size_t>(batch[0])));
  }
  for (const std::string& name : net.inputs()) {
    Blob& blob = net.input(name);
    const Random random(net.seed(), "time", name, 0);
    for (long i = 0; i < blob.count(); ++i) {
      blob.mutable_data()[i] = blob.axes() > 1 ? static_cast<real>(random.uniform(static_cast<uint64_t>(i))) : real{0};
    }
  }
}

}  // namespace crema

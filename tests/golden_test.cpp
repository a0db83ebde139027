// Every recorded pass of golden/layers (Caffe's) and golden/torch (PyTorch's), or of the folder that CREMA_GOLDEN
// names, compared with crema on each engine.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support/golden.h"

namespace crema {
namespace {

double tolerance(const NetConfig& config) {
  for (const LayerParameter& layer : config.net.layer()) {
    if (layer.type() == "LSTM" || layer.type() == "RNN" || layer.type() == "LSTMUnit") return 1e-4;
  }
  return 1e-5;
}

// The net's array; null for a gradient that was not computed.
struct Found {
  Shape shape;
  const real* values;
};

// A missing gradient counts as zero.
testing::AssertionResult near_gradient(const Array& expected, const Found& found, double tolerance) {
  if (found.values != nullptr) return near(expected, found.shape, found.values, tolerance);
  const std::vector<real> zeros(static_cast<size_t>(found.shape.count()));
  return near(expected, found.shape, zeros.data(), tolerance) << " (it was not computed)";
}

Parameter& parameter(Net& net, const std::string& key) {
  const size_t slash = key.rfind('/');
  return net.layer(net.layer_index(key.substr(0, slash))).parameters().at(std::stoul(key.substr(slash + 1)));
}

// Whether the net asks for the gradient at an Input's top. If it does not, Caffe's file holds other numbers that a
// layer stored in that memory (Scale: x * dy), not a gradient.
bool asks_for_gradient(const NetConfig& config, const std::string& input) {
  if (config.net.force_backward()) return true;
  for (const LayerParameter& layer : config.net.layer()) {
    for (int b = 0; b < layer.bottom_size(); ++b) {
      if (layer.bottom(b) == input && b < layer.propagate_down_size() && layer.propagate_down(b)) return true;
    }
  }
  return false;
}

void compare_gradients(const GoldenPass& pass, Net& net, double tolerance) {
  const auto bottom_diffs = pass.group("bottom_diff");
  for (const auto& [name, array] : pass.group("input")) {
    SCOPED_TRACE("bottom_diff/" + name);
    if (!asks_for_gradient(net.config(), name)) continue;
    const Array zero{array.shape, std::vector<float>(array.values.size())};
    const Array& expected = bottom_diffs.contains(name) ? bottom_diffs.at(name) : zero;
    EXPECT_TRUE(near_gradient(expected, {net.input(name).shape(), net.input(name).diff()}, tolerance));
  }
  for (const auto& [key, expected] : pass.group("param_diff")) {
    SCOPED_TRACE("param_diff/" + key);
    const Parameter& p = parameter(net, key);
    EXPECT_TRUE(near_gradient(expected, {p.shape(), p.has_diff() ? p.diff() : nullptr}, tolerance));
  }
}

void run_pass(const std::string& path, Engine engine) {
  const GoldenPass pass(path);
  NetOptions options;
  options.engine = engine;
  const auto net = pass.build(options);
  pass.run(*net);
  const double allowed = tolerance(net->config());
  ASSERT_FALSE(pass.group("output").empty());
  for (const auto& [name, expected] : pass.group("output")) {
    EXPECT_TRUE(near(expected, net->value(name).shape(), net->value(name).data(), allowed)) << "output/" << name;
  }
  for (const auto& [key, expected] : pass.group("param_after")) {
    const Parameter& p = parameter(*net, key);
    EXPECT_TRUE(near(expected, p.shape(), p.data(), allowed)) << "param_after/" << key;
  }
  if (pass.has_backward()) compare_gradients(pass, *net, allowed);
}

}  // namespace
}  // namespace crema

int main(int argc, char** argv) {
  return crema::run_golden(argc, argv, "CREMA_GOLDEN", {"layers", "torch"}, crema::run_pass);
}

// Runs one gradient row: a net of Input layers and the row's layer, without a memory plan, in double. The objective is
// the net's loss plus a random linear function of the tops that are no losses.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/net.h"
#include "rows/rows.h"

namespace crema {

// What is differentiated: an array of values that the objective is a function of.
struct Variable {
  std::string name;  // "bottom 0", "parameter 1"
  std::vector<double> values;
};

class GradientRunner {
 public:
  explicit GradientRunner(const GradientRow& row) : GradientRunner(row, -1) {}
  // Without a gradient at bottom `stopped`, by propagate_down. -1: all that take one have one, by force_backward.
  GradientRunner(const GradientRow& row, int stopped);

  // The bottoms that take a gradient, then the parameters that learn.
  const std::vector<Variable>& variables() const { return variables_; }

  // The objective where the variables have these values.
  double objective(const std::vector<Variable>& at);

  // Its gradient, by backward; arrays as in variables(). `before` may change memory between forward and backward.
  std::vector<Variable> gradient(const std::function<void()>& before = [] {});
  // Backward once more after gradient(), without a forward pass and without forgetting parameters' diffs.
  std::vector<Variable> gradient_again();

  Layer& layer() { return net_->layer(layer_); }
  bool runs_backward() const { return net_->runs_backward(layer_); }
  Blob& bottom(size_t i) { return *net_->bottoms(layer_)[i]; }
  Blob& top(size_t i) { return *net_->tops(layer_)[i]; }
  size_t bottoms() const { return row_.bottoms.size(); }
  size_t tops() const { return static_cast<size_t>(row_.tops); }
  bool holds_indices(size_t bottom) const { return std::holds_alternative<Labels>(row_.bottom_fills[bottom]); }

  // Fills with NaN: diffs of bottoms, diffs of parameters that hold no gradient yet.
  void poison_diffs();
  // Parameters that do not learn; no pass here may change them.
  bool statistics_moved();

 private:
  std::string net_text(int stopped) const;
  void find_variables();
  void write(const std::vector<Variable>& at);
  void forward();
  std::vector<Variable> backward();

  GradientRow row_;
  std::unique_ptr<Net> net_;
  int layer_;
  std::vector<std::vector<double>> bottoms_;  // all values, those that take no gradient as well
  std::vector<std::vector<double>> parameters_;
  std::vector<std::vector<double>> top_weights_;  // of the objective; empty for losses
  std::vector<Variable> variables_;
  std::vector<int> variable_bottoms_, variable_parameters_;
  double loss_ = 0;
};

}  // namespace crema

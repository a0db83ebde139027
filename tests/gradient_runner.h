// Runs one gradient row: a net of Input layers and the row's layer, without a memory plan, in double. The objective is
// the net's loss plus a random linear function of the tops that are not losses.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/net.h"
#include "rows/rows.h"

namespace crema {

// A variable of the objective: an array of values.
struct Variable {
  std::string name;  // "bottom 0", "parameter 1"
  std::vector<double> values;
};

class GradientRunner {
 public:
  explicit GradientRunner(const GradientRow& row) : GradientRunner(row, -1) {}
  // propagate_down stops the gradient at bottom `stopped`. -1: force_backward gives one to all bottoms that take one.
  GradientRunner(const GradientRow& row, int stopped);

  // The bottoms that take a gradient, then the parameters that learn.
  const std::vector<Variable>& variables() const { return variables_; }

  // The objective at these values of the variables.
  double objective(const std::vector<Variable>& at);

  // Its gradient, by backward; arrays as in variables(). `before` may change memory between forward and backward.
  std::vector<Variable> gradient(const std::function<void()>& before = [] {});
  // Runs backward once more after gradient(), without a forward pass and without clearing parameters' diffs.
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
  std::vector<std::vector<double>> bottoms_;  // all bottoms' values, including those without a gradient
  std::vector<std::vector<double>> parameters_;
  std::vector<std::vector<double>> top_weights_;  // of the objective; empty for losses
  std::vector<Variable> variables_;
  std::vector<int> variable_bottoms_, variable_parameters_;
  double loss_ = 0;
};

}  // namespace crema

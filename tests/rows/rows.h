// The tables of layer tests, as plain data: gradient_test and forward_test run them, coverage_test counts them.
// `layer` is the layer's message without name, bottoms and tops: "type: 'ELU' elu_param { alpha: 0.3 }".
#pragma once

#include <initializer_list>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "crema.pb.h"

namespace crema {

using Dims = std::vector<long>;

// --- how the arrays of a gradient row are filled ---------------------------------------------------------------------

// Mean 0, variance 1.
struct Gaussian {};
// On alternating sides of `at`, at least 0.2 away from it.
struct Kink {
  double at;
};
// Any two values of the row's distinct arrays are 0.05 or more apart: for maxima.
struct Distinct {};
struct Range {
  double low, high;
};
// 0, 1, ... classes - 1, in a random order.
struct Labels {
  int classes;
};
struct Values {
  std::vector<double> list;
};
using Fill = std::variant<Gaussian, Kink, Distinct, Range, Labels, Values>;

// One Fill for all arrays, or one for each; the rest is Gaussian.
class Fills {
 public:
  Fills() = default;
  template <typename F>
  Fills(F for_all) : for_all_(std::move(for_all)) {}  // NOLINT: so that a row can say Kink{0.0}
  Fills(std::initializer_list<Fill> each) : each_(each) {}
  Fill operator[](size_t i) const { return i < each_.size() ? each_[i] : for_all_; }

 private:
  Fill for_all_ = Gaussian{};
  std::vector<Fill> each_;
};

// --- the rows --------------------------------------------------------------------------------------------------------

struct GradientRow {
  std::string name;
  std::vector<Dims> bottoms;
  std::string layer;
  Fills bottom_fills = {};
  Fills parameter_fills = {};
  Phase phase = TRAIN;
  int tops = 1;
  int differentiable_tops = tops;  // the first ones; the others are indices, or copies without a gradient
};

// An array of a forward row. Without dims, a list.
struct Literal {
  Dims dims;
  std::vector<float> values;

  Literal(std::initializer_list<float> list) : dims{static_cast<long>(list.size())}, values(list) {}
  Literal(Dims dims, std::vector<float> values) : dims(std::move(dims)), values(std::move(values)) {}
};

// The dims of a single number: {} alone would be read as a list of values.
inline const Dims kScalar = {};

// Several arrays; a plain list of numbers is one array, whose dims are not compared.
struct Literals {
  std::vector<Literal> arrays;
  bool any_shape = false;

  Literals() = default;
  Literals(std::initializer_list<float> list) : arrays{Literal(list)}, any_shape(true) {}
  Literals(std::initializer_list<Literal> list) : arrays(list) {}
};

struct ForwardRow {
  std::string name;
  std::vector<Literal> bottoms;
  std::string layer;  // "{files}" stands for a folder of small data files that forward_test writes
  Literals tops;
  std::vector<Literal> parameters = {};
  Phase phase = TRAIN;
};

// For GoogleTest's messages.
inline void PrintTo(const GradientRow& row, std::ostream* out) { *out << row.layer; }
inline void PrintTo(const ForwardRow& row, std::ostream* out) { *out << row.layer; }

// Joins tables of one kind.
template <typename Row>
std::vector<Row> joined(std::initializer_list<std::vector<Row>> tables) {
  std::vector<Row> rows;
  for (const auto& table : tables) rows.insert(rows.end(), table.begin(), table.end());
  return rows;
}

std::vector<GradientRow> gradient_rows();
std::vector<ForwardRow> forward_rows();

// The LayerParameter in `layer`. Throws Error if it is not one.
LayerParameter parse_layer(const std::string& layer);

}  // namespace crema

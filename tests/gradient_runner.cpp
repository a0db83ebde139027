#include "gradient_runner.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace crema {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Passes its bottom on, and fills the scratch memory that all layers share with NaN: no layer may rely on what another
// layer has left there, or on what it has left there itself in forward.
class ScratchPoison final : public Layer {
 public:
  explicit ScratchPoison(const LayerParameter&) {}
  void reshape(const Bottoms& bottom, const Tops& top) override { top[0]->reshape(bottom[0]->shape()); }
  void forward(const Bottoms& bottom, const Tops& top) override {
    std::copy_n(bottom[0]->data(), top[0]->count(), top[0]->mutable_data());
    poison();
  }
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    std::copy_n(top[0]->diff(), top[0]->count(), bottom[0]->mutable_diff());
    poison();
  }

 private:
  void poison() {
    constexpr long kCount = 1 << 14;
    std::fill_n(scratch(kCount), kCount, kNan);
  }
};

const RegisterLayer<ScratchPoison> registered("ScratchPoison");

struct Filler {
  const Random& random;
  std::vector<double>& x;
  std::vector<uint32_t>& distinct;  // numbers that no array of the row has used yet

  void operator()(const Gaussian&) const {
    for (size_t i = 0; i < x.size(); ++i) x[i] = random.gaussian(i);
  }
  void operator()(const Kink& kink) const {
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = kink.at + (i % 2 == 0 ? 1 : -1) * (0.2 + std::abs(random.gaussian(i)));
    }
  }
  void operator()(const Distinct&) const {
    for (double& value : x) {
      value = 0.05 * distinct.back() - 2;
      distinct.pop_back();
    }
  }
  void operator()(const Range& range) const {
    for (size_t i = 0; i < x.size(); ++i) x[i] = range.low + (range.high - range.low) * random.uniform(i);
  }
  void operator()(const Labels& labels) const {
    for (size_t i = 0; i < x.size(); ++i) x[i] = random.bits(i) % static_cast<uint32_t>(labels.classes);
  }
  void operator()(const Values& values) const {
    check(values.list.size() == x.size(), "{} values for {} elements", values.list.size(), x.size());
    x = values.list;
  }
};

std::vector<double> copy_of(const real* from, long count) { return {from, from + count}; }

}  // namespace

GradientRunner::GradientRunner(const GradientRow& row, int stopped) : row_(row) {
  NetOptions options;
  options.plan = false;
  options.engine = Engine::plain;
  options.backward = true;
  for (int t = 0; t < row.tops; ++t) {
    const LayerParameter layer = parse_layer(row.layer);
    const bool is_loss = t < layer.loss_weight_size() ? layer.loss_weight(t) != 0
                                                      : t == 0 && create_layer(layer)->contract().loss_weight != 0;
    const bool weighted = !is_loss && t < row.differentiable_tops;
    if (weighted) options.output_diffs.push_back(fmt::format("top{}", t));
    top_weights_.resize(top_weights_.size() + 1, std::vector<double>(weighted ? 1 : 0));
  }
  NetState state;
  state.set_phase(row.phase);
  net_ = std::make_unique<Net>(filter(parse_net(net_text(stopped), row.name), state), options);
  layer_ = net_->layer_index("L");

  uint32_t distinct_count = 0;
  for (const Dims& dims : row.bottoms) distinct_count += static_cast<uint32_t>(Shape(dims).count());
  std::vector<uint32_t> distinct = Random(1, "distinct", row.name).permutation(distinct_count);
  const auto filled = [&](const Fill& fill, const std::string& name, long count) {
    std::vector<double> x(static_cast<size_t>(count));
    const Random random(1, name, row.name);
    std::visit(Filler{random, x, distinct}, fill);
    return x;
  };
  for (size_t b = 0; b < bottoms(); ++b) {
    bottoms_.push_back(filled(row.bottom_fills[b], fmt::format("bottom {}", b), bottom(b).count()));
  }
  for (size_t k = 0; k < layer().parameters().size(); ++k) {
    parameters_.push_back(
        filled(row.parameter_fills[k], fmt::format("parameter {}", k), layer().parameters()[k].count()));
  }
  for (size_t t = 0; t < tops(); ++t) {
    if (!top_weights_[t].empty()) top_weights_[t] = filled(Gaussian{}, fmt::format("top {}", t), top(t).count());
  }
  find_variables();
  write(variables_);
  net_->forward();
  net_->set_replay(true);  // from here on, all passes repeat the same one: same random numbers, no state is changed
}

std::string GradientRunner::net_text(int stopped) const {
  std::string text = stopped < 0 ? "force_backward: true\n" : "";
  text += "layer { name: 'noise' type: 'Input' top: 'noise' input_param { shape { dim: 1 } } }\n";
  text += "layer { name: 'before' type: 'ScratchPoison' bottom: 'noise' top: 'noise1' }\n";
  std::string names, down;
  LayerParameter layer = parse_layer(row_.layer);
  for (size_t b = 0; b < row_.bottoms.size(); ++b) layer.add_bottom(fmt::format("bottom{}", b));
  const Contract contract = create_layer(layer)->contract();
  for (size_t b = 0; b < row_.bottoms.size(); ++b) {
    std::string dims;
    for (const long dim : row_.bottoms[b]) dims += fmt::format("dim: {} ", dim);
    text += fmt::format("layer {{ name: 'in{0}' type: 'Input' top: 'bottom{0}' input_param {{ shape {{ {1}}} }} }}\n",
                        b, dims);
    names += fmt::format(" bottom: 'bottom{}'", b);
    const bool wanted = !contract.no_gradient.contains(static_cast<int>(b)) && stopped != static_cast<int>(b);
    if (stopped >= 0) down += fmt::format(" propagate_down: {}", wanted);
  }
  for (int t = 0; t < row_.tops; ++t) names += fmt::format(" top: 'top{}'", t);
  text += fmt::format("layer {{ name: 'L' {}{}{} }}\n", row_.layer, names, down);
  return text + "layer { name: 'after' type: 'ScratchPoison' bottom: 'noise1' top: 'noise2' }\n";
}

void GradientRunner::find_variables() {
  for (size_t b = 0; b < bottoms(); ++b) {
    if (!net_->takes_diff(layer_, static_cast<int>(b))) continue;
    variables_.push_back({fmt::format("bottom {}", b), bottoms_[b]});
    variable_bottoms_.push_back(static_cast<int>(b));
  }
  for (size_t k = 0; k < parameters_.size(); ++k) {
    if (!layer().parameters()[k].learns()) continue;
    variables_.push_back({fmt::format("parameter {}", k), parameters_[k]});
    variable_parameters_.push_back(static_cast<int>(k));
  }
}

void GradientRunner::write(const std::vector<Variable>& at) {
  for (size_t b = 0; b < bottoms(); ++b) {
    std::copy(bottoms_[b].begin(), bottoms_[b].end(), net_->input(fmt::format("bottom{}", b)).mutable_data());
  }
  net_->input("noise").mutable_data()[0] = 0;
  auto& parameters = layer().parameters();
  for (size_t k = 0; k < parameters.size(); ++k) {
    std::copy(parameters_[k].begin(), parameters_[k].end(), parameters[k].mutable_data());
    parameters[k].raise_version();
  }
  size_t v = 0;
  for (const int b : variable_bottoms_) {
    std::copy(at[v].values.begin(), at[v].values.end(), net_->input(fmt::format("bottom{}", b)).mutable_data());
    ++v;
  }
  for (const int k : variable_parameters_) {
    std::copy(at[v].values.begin(), at[v].values.end(), parameters[k].mutable_data());
    ++v;
  }
}

void GradientRunner::forward() { loss_ = net_->forward(); }

double GradientRunner::objective(const std::vector<Variable>& at) {
  write(at);
  forward();
  double sum = loss_;
  for (size_t t = 0; t < tops(); ++t) {
    // A top that is sized in forward may have fewer elements than weights.
    const size_t count = std::min(top_weights_[t].size(), static_cast<size_t>(top(t).count()));
    for (size_t i = 0; i < count; ++i) sum += top_weights_[t][i] * top(t).data()[i];
  }
  return sum;
}

std::vector<Variable> GradientRunner::gradient(const std::function<void()>& before) {
  write(variables_);
  forward();
  for (Parameter& p : layer().parameters()) p.forget_diff();
  before();
  return backward();
}

std::vector<Variable> GradientRunner::gradient_again() { return backward(); }

std::vector<Variable> GradientRunner::backward() {
  for (size_t t = 0; t < tops(); ++t) {
    if (top_weights_[t].empty()) continue;
    std::copy(top_weights_[t].begin(), top_weights_[t].end(),
              net_->output_diff(fmt::format("top{}", t)).mutable_diff());
  }
  net_->backward();
  std::vector<Variable> gradient;
  for (const int b : variable_bottoms_) {
    const Blob& x = net_->input(fmt::format("bottom{}", b));
    gradient.push_back({fmt::format("bottom {}", b), copy_of(x.diff(), x.count())});
  }
  for (const int k : variable_parameters_) {
    const Parameter& p = layer().parameters()[k];
    check(p.has_diff(), "parameter {} learns, and backward has not written its diff", k);
    gradient.push_back({fmt::format("parameter {}", k), copy_of(p.diff(), p.count())});
  }
  return gradient;
}

void GradientRunner::poison_diffs() {
  for (size_t b = 0; b < bottoms(); ++b) {
    if (bottom(b).diff() != nullptr) std::fill_n(bottom(b).mutable_diff(), bottom(b).storage(), kNan);
  }
  for (Parameter& p : layer().parameters()) {
    if (p.learns() && !p.has_diff()) std::fill_n(p.mutable_diff(), p.count(), kNan);
  }
}

bool GradientRunner::statistics_moved() {
  for (size_t k = 0; k < parameters_.size(); ++k) {
    const Parameter& p = layer().parameters()[k];
    if (!p.learns() && copy_of(p.data(), p.count()) != parameters_[k]) return true;
  }
  return false;
}

}  // namespace crema

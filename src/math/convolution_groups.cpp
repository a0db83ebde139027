#include "math/convolution_groups.h"

#include "math/onednn.h"
#include "math/workspace.h"

#ifdef CREMA_ENGINE

#include <algorithm>

namespace crema {
namespace {

using namespace onednn;
using Desc = dnnl::memory::desc;

constexpr long kManyGroups = 8;

Shape with_channels(const Shape& shape, long channels) {
  std::vector<long> dims = shape.dims();
  dims[1] = channels;
  return Shape(dims);
}

ConvolutionProblem one_group(const ConvolutionProblem& p) {
  ConvolutionProblem part = p;
  part.bottom = with_channels(p.bottom, p.bottom[1] / p.group);
  part.top = with_channels(p.top, p.top[1] / p.group);
  std::vector<long> weights = p.weights.dims();
  weights[0] /= p.group;
  part.weights = Shape(weights);
  part.group = 1;
  return part;
}

// Moves the channels of each group between the whole array and an array of the group's own.
std::vector<Detour> slices(Detour::Role role, const Shape& whole, Layout layout, const Shape& part, Layout inside) {
  const Desc desc = describe(whole, layout);
  std::vector<Detour> all;
  for (long first = 0; first < whole[1]; first += part[1]) {
    dnnl::memory::dims from(whole.axes(), 0);
    from[1] = first;
    all.emplace_back(role, desc.submemory_desc(to_dims(part), from), describe(part, inside));
  }
  return all;
}

bool is_winograd(const std::string& implementation) { return implementation.find("wino") != std::string::npos; }

class GroupsApart final : public EngineConvolution {
 public:
  GroupsApart(const ConvolutionProblem& p, const ConvolutionAlgorithms& algorithms,
              std::unique_ptr<EngineConvolution> whole)
      : whole_(std::move(whole)), outputs_(p.weights[0] / p.group), weights_(p.weights.count() / p.group) {
    const ConvolutionProblem part = one_group(p);
    for (long g = 0; g < p.group; ++g) {
      groups_.push_back(EngineConvolution::create(part, algorithms));
      if (groups_.back()) continue;
      groups_.clear();  // no group is computed separately
      return;
    }
    moved_ = (part.bottom.count() + part.top.count()) * static_cast<long>(sizeof(real));
    const EngineConvolution& one = *groups_[0];
    forward_ = is_winograd(one.implementation());
    backward_data_ = is_winograd(one.backward_data_implementation());
    backward_weights_ = is_winograd(one.backward_weights_implementation());
    if (!forward_ && !backward_data_ && !backward_weights_) {
      groups_.clear();
      return;
    }
    bottom_ = slices(Detour::kGroupBottom, p.bottom, whole_->bottom_layout(), part.bottom, one.bottom_layout());
    top_ = slices(Detour::kGroupTop, p.top, whole_->top_layout(), part.top, one.top_layout());
  }

  Layout bottom_layout() const override { return whole_->bottom_layout(); }
  Layout top_layout() const override { return whole_->top_layout(); }
  bool keeps_weights() const override { return (forward_ ? *groups_[0] : *whole_).keeps_weights(); }
  std::string implementation() const override { return (forward_ ? *groups_[0] : *whole_).implementation(); }
  std::string backward_data_implementation() const override {
    return (backward_data_ ? *groups_[0] : *whole_).backward_data_implementation();
  }
  std::string backward_weights_implementation() const override {
    return (backward_weights_ ? *groups_[0] : *whole_).backward_weights_implementation();
  }

  // Counts all passes, whichever of them run group by group, and the group's channels that are moved.
  EngineMemory memory(bool backward_weights, bool backward_data) const override {
    EngineMemory all = whole_->memory(backward_weights, backward_data);
    for (const auto& group : groups_) {
      const EngineMemory own = group->memory(backward_weights, backward_data);
      all.kept += own.kept;
      all.passing = std::max(all.passing, own.passing + moved_);
    }
    return all;
  }

  void forward(const real* x, const real* w, uint64_t version, const real* b, const real* other, real* y) override {
    if (!forward_) return whole_->forward(x, w, version, b, other, y);
    const PassMemory memory;
    for (size_t g = 0; g < groups_.size(); ++g) {
      groups_[g]->forward(bottom_[g].in(x), w ? w + weights_ * g : nullptr, version, b ? b + outputs_ * g : nullptr,
                          nullptr, top_[g].out(y));
      top_[g].finish(y);
    }
  }

  void backward_data(const real* dy, const real* w, uint64_t version, real* dx) override {
    if (!backward_data_) return whole_->backward_data(dy, w, version, dx);
    const PassMemory memory;
    for (size_t g = 0; g < groups_.size(); ++g) {
      groups_[g]->backward_data(top_[g].in(dy), w + weights_ * g, version, bottom_[g].out(dx));
      bottom_[g].finish(dx);
    }
  }

  void backward_weights(const real* x, const real* dy, real* dw, real beta_w, real* db, real beta_b) override {
    if (!backward_weights_) return whole_->backward_weights(x, dy, dw, beta_w, db, beta_b);
    const PassMemory memory;
    for (size_t g = 0; g < groups_.size(); ++g) {
      groups_[g]->backward_weights(bottom_[g].in(x), top_[g].in(dy), dw ? dw + weights_ * g : nullptr, beta_w,
                                   db ? db + outputs_ * g : nullptr, beta_b);
    }
  }

 private:
  std::unique_ptr<EngineConvolution> whole_;
  std::vector<std::unique_ptr<EngineConvolution>> groups_;
  std::vector<Detour> bottom_, top_;
  long outputs_, weights_;  // of a group
  long moved_ = 0;          // bytes
  bool forward_ = false, backward_data_ = false, backward_weights_ = false;
};

}  // namespace

std::unique_ptr<EngineConvolution> with_groups_apart(const ConvolutionProblem& p,
                                                     const ConvolutionAlgorithms& algorithms,
                                                     std::unique_ptr<EngineConvolution> whole) {
  constexpr const char* kWinograd = "winograd";
  const bool wanted = algorithms.forward == kWinograd || algorithms.backward_data == kWinograd ||
                      algorithms.backward_weights == kWinograd;
  const long outputs = p.weights[0] / p.group, channels = p.weights[1], block = block_size(whole->top_layout());
  if (!wanted || p.group == 1 || p.group > kManyGroups || outputs % block != 0 || channels % block != 0) return whole;
  if (p.finish.add) return whole;
  return std::make_unique<GroupsApart>(p, algorithms, std::move(whole));
}

}  // namespace crema

#endif

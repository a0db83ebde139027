#include "math/engine_convolution.h"

#include <algorithm>

#include "math/onednn.h"

namespace crema {

#ifndef CREMA_ENGINE

std::unique_ptr<EngineConvolution> EngineConvolution::create(const ConvolutionProblem&) { return nullptr; }

#else

namespace {

using namespace onednn;
using Desc = dnnl::memory::desc;
using Type = dnnl::memory::data_type;
using Forward = dnnl::convolution_forward;
using BackwardData = dnnl::convolution_backward_data;
using BackwardWeights = dnnl::convolution_backward_weights;

constexpr auto kDirect = dnnl::algorithm::convolution_direct;

// Where each channel has one kernel of its own.
bool each_channel(const ConvolutionProblem& p) { return p.group > 1 && p.weights[0] == p.group && p.weights[1] == 1; }

// Where numbers of half the size gain nothing: a channel's own kernel reads and writes more than it multiplies.
bool gains(const ConvolutionProblem& p) { return !each_channel(p); }

// On small maps the kernel of the weights' gradient takes longer than that of floats (2.5 times on 7x7, half of it on
// 14x14).
bool gains_in_gradient(const ConvolutionProblem& p) {
  constexpr long kSmall = 144;
  return p.weights.count_from(2) == 1 || p.top.count_from(2) >= kSmall;
}

// The three primitive descriptors of a problem, for given (or free) layouts of bottom and top.
struct Setting {
  Type product;           // of the numbers that are multiplied; in memory outside of the passes all are float
  Type gradient_product;  // the same of the weights' gradient
  dnnl::memory::dims stride, pad, dilation;
  Desc weights, any_weights, bias;  // weights: plain, with a first axis for the groups if several; bias: empty if none
  bool constant_weights;

  explicit Setting(const ConvolutionProblem& p)
      : product(type_of(p.precision)),
        gradient_product(gains_in_gradient(p) ? product : Type::f32),
        stride(p.windows.stride),
        pad(p.windows.pad),
        dilation(p.windows.dilation),
        constant_weights(p.constant_weights) {
    for (auto& d : dilation) --d;  // oneDNN counts the gaps
    std::vector<long> dims = p.weights.dims();
    if (p.group > 1) {
      dims[0] /= p.group;
      dims.insert(dims.begin(), p.group);
    }
    weights = describe(Shape(dims), Layout::plain);
    any_weights = describe_any(Shape(dims));  // of floats
    if (p.bias) bias = describe(Shape{p.weights[0]}, Layout::plain);
  }

  std::optional<Forward::primitive_desc> forward(const Desc& src, const Desc& dst, const Finish& finish = {}) const {
    return try_create([&] {
      const Forward::desc desc(dnnl::prop_kind::forward_training, kDirect, as(product, src), as(product, any_weights),
                               bias, dst, stride, dilation, pad, pad);
      return Forward::primitive_desc(desc, attributes(finish, dst), cpu());
    });
  }

  std::optional<BackwardData::primitive_desc> backward_data(const Desc& src, const Desc& dst,
                                                            const Forward::primitive_desc& hint) const {
    return try_create([&] {
      const BackwardData::desc desc(kDirect, src, as(product, any_weights), as(product, dst), stride, dilation, pad,
                                    pad);
      return BackwardData::primitive_desc(desc, attributes(), cpu(), hint);
    });
  }

  std::optional<BackwardWeights::primitive_desc> backward_weights(const Desc& src, const Desc& dst,
                                                                  const Forward::primitive_desc& hint) const {
    return try_create([&] {
      const BackwardWeights::desc desc(kDirect, as(gradient_product, src), any_weights, bias, as(gradient_product, dst),
                                       stride, dilation, pad, pad);
      return BackwardWeights::primitive_desc(desc, attributes(), cpu(), hint);
    });
  }
};

struct Descriptors {
  Forward::primitive_desc forward;
  BackwardData::primitive_desc backward_data;
  BackwardWeights::primitive_desc backward_weights;
};

// With a kernel for each channel, products of matrices are as slow as reference code: the plain path has loops of its
// own.
template <typename Descriptor>
bool is_fast(const std::optional<Descriptor>& pd, const ConvolutionProblem& p) {
  return onednn::is_fast(pd) &&
         !(each_channel(p) && std::string_view(pd->impl_info_str()).find("gemm") != std::string::npos);
}

// Forward decides how bottom and top lie. A backward pass that would be slow in these layouts chooses its own.
std::optional<Descriptors> find_descriptors(const Setting& setting, const ConvolutionProblem& p) {
  const Desc any_bottom = describe_any(p.bottom), any_top = describe_any(p.top);
  auto forward = setting.forward(any_bottom, any_top);
  if (forward && (!layout_of(forward->src_desc(), p.bottom) || !layout_of(forward->dst_desc(), p.top))) {
    forward = setting.forward(describe(p.bottom, Layout::plain), describe(p.top, Layout::plain));
  }
  if (!is_fast(forward, p)) return std::nullopt;
  const Desc bottom = as(Type::f32, forward->src_desc()), top = forward->dst_desc();
  auto backward_data = setting.backward_data(bottom, top, *forward);
  if (!is_fast(backward_data, p)) backward_data = setting.backward_data(any_bottom, any_top, *forward);
  auto backward_weights = setting.backward_weights(bottom, top, *forward);
  if (!is_fast(backward_weights, p)) backward_weights = setting.backward_weights(any_bottom, any_top, *forward);
  if (!is_fast(backward_data, p) || !is_fast(backward_weights, p)) return std::nullopt;
  if (p.finish) {
    forward = setting.forward(bottom, top, p.finish);
    if (!is_fast(forward, p)) return std::nullopt;
  }
  return Descriptors{*forward, *backward_data, *backward_weights};
}

// Each pass is made when it first runs: a net that only tests needs no backward code.
class OnednnConvolution final : public EngineConvolution {
 public:
  OnednnConvolution(const ConvolutionProblem& problem, const Setting& setting, const Descriptors& descriptors)
      : setting_(setting),
        pd_(descriptors),
        bottom_(as(Type::f32, descriptors.forward.src_desc())),
        top_(descriptors.forward.dst_desc()),
        other_(problem.finish.add ? top_ : Desc()),
        bottom_layout_(*layout_of(bottom_, problem.bottom)),
        top_layout_(*layout_of(top_, problem.top)) {}

  Layout bottom_layout() const override { return bottom_layout_; }
  Layout top_layout() const override { return top_layout_; }
  bool keeps_weights() const override {
    return setting_.constant_weights && setting_.weights != pd_.forward.weights_desc();
  }
  std::string implementation() const override { return pd_.forward.impl_info_str(); }
  std::string backward_data_implementation() const override { return pd_.backward_data.impl_info_str(); }

  EngineMemory memory(bool backward) const override {
    EngineMemory memory;
    const auto add_pass = [&](long scratchpad, long weights, long moved) {
      (setting_.constant_weights ? memory.kept : scratchpad) += weights;
      memory.passing = std::max(memory.passing, scratchpad + moved);
    };
    const auto& forward = pd_.forward;
    const auto& data = pd_.backward_data;
    const auto& weights = pd_.backward_weights;
    add_pass(scratchpad_bytes(forward), copy_bytes(setting_.weights, forward.weights_desc()),
             copy_bytes(bottom_, forward.src_desc()));
    if (!backward) return memory;
    add_pass(scratchpad_bytes(data), copy_bytes(setting_.weights, data.weights_desc()),
             copy_bytes(bottom_, data.diff_src_desc()) + copy_bytes(top_, data.diff_dst_desc()));
    add_pass(scratchpad_bytes(weights), 0,
             copy_bytes(bottom_, weights.src_desc()) + copy_bytes(top_, weights.diff_dst_desc()) +
                 copy_bytes(setting_.weights, weights.diff_weights_desc()));
    return memory;
  }

  void forward(const real* x, const real* w, uint64_t version, const real* b, const real* other, real* y) override {
    if (!forward_) {
      const Desc bottom = pd_.forward.src_desc(), weights = pd_.forward.weights_desc();
      forward_ = Primitive(pd_.forward, {{DNNL_ARG_SRC, bottom},
                                         {DNNL_ARG_WEIGHTS, weights},
                                         {DNNL_ARG_BIAS, setting_.bias},
                                         {kOther, other_},
                                         {DNNL_ARG_DST, top_}});
      forward_weights_ = DerivedWeights(setting_.weights, weights, setting_.constant_weights);
      forward_bottom_ = Detour(Detour::kBottom, bottom_, bottom);
    }
    forward_.run({{DNNL_ARG_SRC, forward_bottom_.in(x)},
                  {DNNL_ARG_WEIGHTS, forward_weights_.get(w, version)},
                  {DNNL_ARG_BIAS, b},
                  {kOther, other},
                  {DNNL_ARG_DST, y}});
  }

  void backward_data(const real* dy, const real* w, uint64_t version, real* dx) override {
    if (!backward_data_) {
      const Desc bottom = pd_.backward_data.diff_src_desc(), top = pd_.backward_data.diff_dst_desc();
      const Desc weights = pd_.backward_data.weights_desc();
      backward_data_ = Primitive(pd_.backward_data,
                                 {{DNNL_ARG_DIFF_SRC, bottom}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DIFF_DST, top}});
      backward_data_weights_ = DerivedWeights(setting_.weights, weights, setting_.constant_weights);
      data_bottom_ = Detour(Detour::kBottom, bottom_, bottom);
      data_top_ = Detour(Detour::kTop, top_, top);
    }
    backward_data_.run({{DNNL_ARG_DIFF_SRC, data_bottom_.out(dx)},
                        {DNNL_ARG_WEIGHTS, backward_data_weights_.get(w, version)},
                        {DNNL_ARG_DIFF_DST, data_top_.in(dy)}});
    data_bottom_.finish(dx);
  }

  void backward_weights(const real* x, const real* dy, real* dw, real beta_w, real* db, real beta_b) override {
    if (!backward_weights_) {
      const Desc bottom = pd_.backward_weights.src_desc(), top = pd_.backward_weights.diff_dst_desc();
      const Desc weights = pd_.backward_weights.diff_weights_desc();
      backward_weights_ = Primitive(pd_.backward_weights, {{DNNL_ARG_SRC, bottom},
                                                           {DNNL_ARG_DIFF_WEIGHTS, weights},
                                                           {DNNL_ARG_DIFF_BIAS, setting_.bias},
                                                           {DNNL_ARG_DIFF_DST, top}});
      weights_bottom_ = Detour(Detour::kBottom, bottom_, bottom);
      weights_top_ = Detour(Detour::kTop, top_, top);
      weights_diff_ = Detour(Detour::kWeights, setting_.weights, weights);
      bias_diff_ = Detour(Detour::kBias, setting_.bias, setting_.bias);
    }
    backward_weights_.run({{DNNL_ARG_SRC, weights_bottom_.in(x)},
                           {DNNL_ARG_DIFF_WEIGHTS, weights_diff_.out(dw, beta_w)},
                           {DNNL_ARG_DIFF_BIAS, bias_diff_.out(db, beta_b)},
                           {DNNL_ARG_DIFF_DST, weights_top_.in(dy)}});
    weights_diff_.finish(dw, beta_w);
    bias_diff_.finish(db, beta_b);
  }

 private:
  Setting setting_;
  Descriptors pd_;
  Desc bottom_, top_, other_;
  Layout bottom_layout_, top_layout_;
  Primitive forward_, backward_data_, backward_weights_;
  DerivedWeights forward_weights_, backward_data_weights_;
  Detour forward_bottom_;
  Detour data_bottom_, data_top_;
  Detour weights_bottom_, weights_top_, weights_diff_, bias_diff_;
};

}  // namespace

std::unique_ptr<EngineConvolution> EngineConvolution::create(const ConvolutionProblem& given) {
  ConvolutionProblem problem = given;
  if (!gains(problem)) problem.precision = Precision::f32;
  const int spatial = problem.bottom.axes() - 2;
  if (spatial < 1 || spatial > 3 || problem.bottom.count() == 0 || problem.top.count() == 0) return nullptr;
  auto made = guarded([&]() -> std::unique_ptr<EngineConvolution> {
    const Setting setting(problem);
    const auto descriptors = find_descriptors(setting, problem);
    if (!descriptors) return nullptr;
    return std::make_unique<OnednnConvolution>(problem, setting, *descriptors);
  });
  if (made || problem.precision == Precision::f32) return made;
  problem.precision = Precision::f32;
  return create(problem);
}

#endif

}  // namespace crema

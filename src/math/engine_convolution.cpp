#include "math/engine_convolution.h"

#include <algorithm>

#include "math/convolution_groups.h"
#include "math/engine_bounds.h"
#include "math/onednn.h"
#include "math/workspace.h"

namespace crema {

#ifndef CREMA_ENGINE

std::unique_ptr<EngineConvolution> EngineConvolution::create(const ConvolutionProblem&, const ConvolutionAlgorithms&) {
  return nullptr;
}

#else

namespace {

using namespace onednn;
using Desc = dnnl::memory::desc;
using Type = dnnl::memory::data_type;
using Forward = dnnl::convolution_forward;
using BackwardData = dnnl::convolution_backward_data;
using BackwardWeights = dnnl::convolution_backward_weights;

enum class How { direct, winograd, gemm };

// oneDNN's name of an algorithm. In oneDNN, matrix products are a kind of direct convolution.
dnnl::algorithm kind_of(How how) {
  return how == How::winograd ? dnnl::algorithm::convolution_winograd : dnnl::algorithm::convolution_direct;
}

template <typename Descriptor>
bool is_gemm(const Descriptor& pd) {
  return std::string_view(pd.impl_info_str()).find("gemm") != std::string_view::npos;
}

// The operation's first primitive descriptor; if `how` is gemm, the first one that multiplies matrices.
template <typename P, typename Operation, typename... Hint>
typename P::primitive_desc first_descriptor(const Operation& operation, const dnnl::primitive_attr& attr, How how,
                                            const Hint&... hint) {
  auto pd = make_descriptor<P>(operation, attr, hint...);
  while (how == How::gemm && !is_gemm(pd)) {
    if (!pd.next_impl()) throw dnnl::error(dnnl_unimplemented, "no products of matrices");
  }
  return pd;
}

// Kernels for 1x1 windows with a stride first copy the elements that they read into a scratchpad. With channels last,
// and fewer channels than fill a vector, the kernel of the weights' gradient writes past the scratchpad's end
// (uxlfoundation/oneDNN#6035, in 2.x as in 3.x): wrong gradients, a crash, or threads that wait for ever.
bool overruns(const BackwardWeights::primitive_desc& pd, const Shape& bottom, const dnnl::memory::dims& stride) {
  const std::string_view name = pd.impl_info_str();
  const long vector = name.find("avx512") == std::string_view::npos ? 8 : 16;
  const bool skips = std::any_of(stride.begin(), stride.end(), [](long s) { return s != 1; });
  if (!skips || bottom[1] >= vector || name.find("1x1") == std::string_view::npos) return false;
  const auto layout = layout_of(pd.src_desc(), bottom);
  return !layout || block_size(*layout) == 1;
}

// Whether each channel has its own, single kernel.
bool each_channel(const ConvolutionProblem& p) { return p.group > 1 && p.weights[0] == p.group && p.weights[1] == 1; }

// Whether numbers of half the size make it faster. Not if each channel has its own kernel: that takes more time for
// reading and writing than for multiplying.
bool gains(const ConvolutionProblem& p) { return !each_channel(p); }

// The same for the weights' gradient. On small maps its bf16 kernel is slower than the float kernel (2.5 times its time
// on 7x7, but half of it on 14x14).
bool gains_in_gradient(const ConvolutionProblem& p) {
  constexpr long kSmall = 144;
  return p.weights.count_from(2) == 1 || p.top.count_from(2) >= kSmall;
}

// The type that an algorithm multiplies if `wanted` is asked for: oneDNN's Winograd kernels are float only.
Type type_by(How how, Type wanted) { return how == How::winograd ? Type::f32 : wanted; }

// The three primitive descriptors of a problem, for given (or free) layouts of bottom and top.
struct Setting {
  Type product;           // of the numbers that are multiplied; in memory outside of the passes all are float
  Type gradient_product;  // the same of the weights' gradient
  dnnl::memory::dims stride, pad, dilation;
  Shape bottom;
  Desc weights, any_weights, bias;  // weights: plain, with a first axis for the groups if several; bias: empty if none
  bool constant_weights;

  explicit Setting(const ConvolutionProblem& p)
      : product(type_of(p.precision)),
        gradient_product(gains_in_gradient(p) ? product : Type::f32),
        stride(p.windows.stride),
        pad(p.windows.pad),
        dilation(p.windows.dilation),
        bottom(p.bottom),
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

  std::optional<Forward::primitive_desc> forward(const Desc& src, const Desc& dst, How how = How::direct,
                                                 const Finish& finish = {}, const Desc& other = {}) const {
    return try_create([&] {
      const Type type = type_by(how, product);
      const auto convolution = operation<Forward>(dnnl::prop_kind::forward_training, kind_of(how), as(type, src),
                                                  as(type, any_weights), bias, dst, stride, dilation, pad, pad);
      return first_descriptor<Forward>(convolution, attributes(finish, other), how);
    });
  }

  std::optional<BackwardData::primitive_desc> backward_data(const Desc& src, const Desc& dst,
                                                            const Forward::primitive_desc& hint,
                                                            How how = How::direct) const {
    return try_create([&] {
      const Type type = type_by(how, product);
      const auto convolution =
          operation<BackwardData>(kind_of(how), src, as(type, any_weights), as(type, dst), stride, dilation, pad, pad);
      return first_descriptor<BackwardData>(convolution, attributes(), how, hint);
    });
  }

  std::optional<BackwardWeights::primitive_desc> backward_weights(const Desc& src, const Desc& dst,
                                                                  const Forward::primitive_desc& hint,
                                                                  How how = How::direct) const {
    return try_create([&] {
      const Type type = type_by(how, gradient_product);
      const auto convolution = operation<BackwardWeights>(kind_of(how), as(type, src), any_weights, bias, as(type, dst),
                                                          stride, dilation, pad, pad);
      auto pd = first_descriptor<BackwardWeights>(convolution, attributes(), how, hint);
      while (overruns(pd, bottom, stride)) {
        if (!pd.next_impl()) throw dnnl::error(dnnl_unimplemented, "no kernel that keeps to its memory");
      }
      return pd;
    });
  }
};

struct Descriptors {
  Desc bottom, top;  // the layouts of data and diffs outside of the passes
  Forward::primitive_desc forward;
  BackwardData::primitive_desc backward_data;
  BackwardWeights::primitive_desc backward_weights;
};

// If each channel has its own kernel, matrix products are as slow as reference code; the plain path's own loops are
// faster.
template <typename Descriptor>
bool is_fast(const std::optional<Descriptor>& pd, const ConvolutionProblem& p) {
  return onednn::is_fast(pd) && !(each_channel(p) && is_gemm(*pd));
}

// Blocks are filled up with zeros, which are moved and multiplied like other numbers. A bottom with few channels stays
// plain.
bool wastes_blocks(const ConvolutionProblem& p) {
  constexpr long kFew = 4, kBlock = 16;
  constexpr double kMuch = 1.25;
  const auto blocked = [](const Shape& shape) {
    const long elements = shape.count() / shape[1], channels = (shape[1] + kBlock - 1) / kBlock * kBlock;
    return static_cast<double>(elements * channels);
  };
  const auto bottom = static_cast<double>(p.bottom.count()), top = static_cast<double>(p.top.count());
  const double taken = (p.bottom[1] <= kFew ? bottom : blocked(p.bottom)) + blocked(p.top);
  return p.group == 1 && taken > kMuch * (bottom + top);
}

// Forward decides the layouts of bottom and top. A backward pass that would be slow in these layouts chooses its own.
std::optional<Descriptors> find_descriptors(const Setting& setting, const ConvolutionProblem& p) {
  const Desc any_bottom = describe_any(p.bottom), any_top = describe_any(p.top);
  std::optional<Forward::primitive_desc> forward;
  if (wastes_blocks(p)) {
    forward = setting.forward(describe(p.bottom, Layout::channels_last), describe(p.top, Layout::channels_last));
  }
  if (!is_fast(forward, p)) forward = setting.forward(any_bottom, any_top);
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
    forward = setting.forward(bottom, top, How::direct, p.finish, top);
    if (!is_fast(forward, p)) return std::nullopt;
  }
  return Descriptors{bottom, top, *forward, *backward_data, *backward_weights};
}

// Replaces a direct pass by another algorithm, if oneDNN has it. `make(bottom, top, how)` returns a descriptor.
template <typename Descriptor, typename Make>
void replace(const std::string& algorithm, const ConvolutionProblem& p, const Desc& top, const Make& make,
             Descriptor* pd) {
  std::optional<Descriptor> found;
  if (algorithm == "winograd") found = make(describe_any(p.bottom), describe_any(p.top), How::winograd);
  if (algorithm == "gemm") {
    // If channels are last in the array, they are last in the matrix, too.
    const bool last = top == describe(p.top, Layout::channels_last);
    const Layout layout = last ? Layout::channels_last : Layout::plain;
    found = make(describe(p.bottom, layout), describe(p.top, layout), How::gemm);
  }
  if (is_fast(found, p)) *pd = *found;
}

void choose(const ConvolutionAlgorithms& algorithms, const Setting& setting, const ConvolutionProblem& p,
            Descriptors* all) {
  const Forward::primitive_desc direct = all->forward;
  const Desc top = all->top;
  const auto forward = [&](const Desc& src, const Desc& dst, How how) {
    return setting.forward(src, dst, how, p.finish, top);
  };
  const auto backward_data = [&](const Desc& src, const Desc& dst, How how) {
    return setting.backward_data(src, dst, direct, how);
  };
  const auto backward_weights = [&](const Desc& src, const Desc& dst, How how) {
    return setting.backward_weights(src, dst, direct, how);
  };
  replace(algorithms.forward, p, all->top, forward, &all->forward);
  replace(algorithms.backward_data, p, all->top, backward_data, &all->backward_data);
  replace(algorithms.backward_weights, p, all->top, backward_weights, &all->backward_weights);
}

// Each pass is created when it first runs: a net that only tests needs no backward code.
class OnednnConvolution final : public EngineConvolution {
 public:
  OnednnConvolution(const ConvolutionProblem& problem, const Setting& setting, const Descriptors& descriptors)
      : setting_(setting),
        pd_(descriptors),
        bottom_(descriptors.bottom),
        top_(descriptors.top),
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
  std::string backward_weights_implementation() const override { return pd_.backward_weights.impl_info_str(); }

  EngineMemory memory(bool backward_weights, bool backward_data) const override {
    EngineMemory memory;
    const auto add_pass = [&](long scratchpad, long weights, long moved) {
      (setting_.constant_weights ? memory.kept : scratchpad) += weights;
      memory.passing = std::max(memory.passing, scratchpad + moved);
    };
    const auto& forward = pd_.forward;
    const auto& data = pd_.backward_data;
    const auto& weights = pd_.backward_weights;
    add_pass(scratchpad_bytes(forward), copy_bytes(setting_.weights, forward.weights_desc()),
             copy_bytes(bottom_, forward.src_desc()) + copy_bytes(top_, forward.dst_desc()));
    if (backward_data) {
      add_pass(scratchpad_bytes(data), copy_bytes(setting_.weights, data.weights_desc()),
               copy_bytes(bottom_, data.diff_src_desc()) + copy_bytes(top_, data.diff_dst_desc()));
    }
    if (backward_weights) {
      add_pass(scratchpad_bytes(weights), 0,
               copy_bytes(bottom_, weights.src_desc()) + copy_bytes(top_, weights.diff_dst_desc()) +
                   copy_bytes(setting_.weights, weights.diff_weights_desc()));
    }
    return memory;
  }

  void forward(const real* x, const real* w, uint64_t version, const real* b, const real* other, real* y) override {
    const PassMemory memory;
    if (!forward_) {
      const Desc bottom = pd_.forward.src_desc(), top = pd_.forward.dst_desc(), weights = pd_.forward.weights_desc();
      forward_ = Primitive(pd_.forward, {{DNNL_ARG_SRC, bottom},
                                         {DNNL_ARG_WEIGHTS, weights},
                                         {DNNL_ARG_BIAS, setting_.bias},
                                         {kOther, other_},
                                         {DNNL_ARG_DST, top}});
      forward_weights_ = DerivedWeights(setting_.weights, weights, setting_.constant_weights);
      forward_bottom_ = Detour(Detour::kBottom, bottom_, bottom);
      forward_top_ = Detour(Detour::kTop, top_, top);
    }
    forward_.run({{DNNL_ARG_SRC, forward_bottom_.in(x)},
                  {DNNL_ARG_WEIGHTS, forward_weights_.get(w, version)},
                  {DNNL_ARG_BIAS, b},
                  {kOther, other},
                  {DNNL_ARG_DST, forward_top_.out(y)}});
    forward_top_.finish(y);
  }

  void backward_data(const real* dy, const real* w, uint64_t version, real* dx) override {
    const PassMemory memory;
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
    const PassMemory memory;
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
  Detour forward_bottom_, forward_top_, data_bottom_, data_top_;
  Detour weights_bottom_, weights_top_, weights_diff_, bias_diff_;
};

}  // namespace

std::unique_ptr<EngineConvolution> EngineConvolution::create(const ConvolutionProblem& given,
                                                             const ConvolutionAlgorithms& algorithms) {
  ConvolutionProblem problem = given;
  if (!gains(problem)) problem.precision = Precision::f32;
  const int spatial = problem.bottom.axes() - 2;
  if (spatial < 1 || spatial > 3 || problem.bottom.count() == 0 || problem.top.count() == 0) return nullptr;
  if (!engine_takes({problem.bottom, problem.top, problem.weights}) || !engine_takes(problem.windows)) return nullptr;
  auto made = guarded([&]() -> std::unique_ptr<EngineConvolution> {
    const Setting setting(problem);
    auto descriptors = find_descriptors(setting, problem);
    if (!descriptors) return nullptr;
    choose(algorithms, setting, problem, &*descriptors);
    return with_groups_apart(problem, algorithms, std::make_unique<OnednnConvolution>(problem, setting, *descriptors));
  });
  if (made || problem.precision == Precision::f32) return made;
  problem.precision = Precision::f32;
  return create(problem, algorithms);
}

#endif

}  // namespace crema

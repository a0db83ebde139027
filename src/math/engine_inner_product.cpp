#include "math/engine_inner_product.h"

#include <algorithm>

#include "math/engine_bounds.h"
#include "math/onednn.h"
#include "math/workspace.h"

namespace crema {

#ifndef CREMA_ENGINE

std::unique_ptr<EngineInnerProduct> EngineInnerProduct::create(const InnerProductProblem&) { return nullptr; }

#else

namespace {

using namespace onednn;
using Desc = dnnl::memory::desc;
using Type = dnnl::memory::data_type;
using Forward = dnnl::inner_product_forward;
using BackwardData = dnnl::inner_product_backward_data;
using BackwardWeights = dnnl::inner_product_backward_weights;

// The gradient of the bottom needs the weights in another order. Unless there are many rows, converting and moving them
// takes more time than numbers of half the size save.
bool gains_in_data(const InnerProductProblem& p) {
  constexpr long kMany = 192;
  return p.rows >= kMany;
}

// The layouts of the arguments in the caller's memory, and the types of the numbers that are multiplied.
struct Setting {
  Type product, data_product;                    // data: of the bottom's gradient
  Desc bottom, top, weights, any_weights, bias;  // of floats; bias: empty if there is none

  explicit Setting(const InnerProductProblem& p)
      : product(type_of(p.precision)),
        data_product(gains_in_data(p) ? product : Type::f32),
        bottom(describe(Shape{p.rows, p.inputs}, Layout::plain)),
        top(describe(Shape{p.rows, p.outputs}, Layout::plain)),
        weights({p.outputs, p.inputs}, Type::f32,
                p.transpose ? dnnl::memory::format_tag::ba : dnnl::memory::format_tag::ab),
        any_weights(describe_any(Shape{p.outputs, p.inputs})) {
    if (p.bias) bias = describe(Shape{p.outputs}, Layout::plain);
  }

  // Weights that must be converted anyway may as well be moved into another layout.
  const Desc& weights_for(Type type, bool constant) const {
    return constant || type != Type::f32 ? any_weights : weights;
  }

  std::optional<Forward::primitive_desc> forward(const Desc& w, const Finish& finish = {}) const {
    return try_create([&] {
      return make_descriptor<Forward>(
          operation<Forward>(dnnl::prop_kind::forward_training, as(product, bottom), as(product, w), bias, top),
          attributes(finish, top));
    });
  }

  std::optional<BackwardData::primitive_desc> backward_data(const Forward::primitive_desc& hint) const {
    return try_create([&] {
      const Desc& w = weights_for(data_product, false);
      return make_descriptor<BackwardData>(operation<BackwardData>(bottom, as(data_product, w), as(data_product, top)),
                                           attributes(), hint);
    });
  }

  std::optional<BackwardWeights::primitive_desc> backward_weights(const Forward::primitive_desc& hint) const {
    return try_create([&] {
      return make_descriptor<BackwardWeights>(
          operation<BackwardWeights>(as(product, bottom), weights, bias, as(product, top)), attributes(), hint);
    });
  }
};

class OnednnInnerProduct final : public EngineInnerProduct {
 public:
  OnednnInnerProduct(const Setting& setting, const Finish& finish, const Forward::primitive_desc& forward,
                     const BackwardData::primitive_desc& backward_data,
                     const BackwardWeights::primitive_desc& backward_weights)
      : name_(forward.impl_info_str()),
        keeps_weights_(setting.weights != forward.weights_desc()),
        forward_(forward, {{DNNL_ARG_SRC, forward.src_desc()},
                           {DNNL_ARG_WEIGHTS, forward.weights_desc()},
                           {DNNL_ARG_BIAS, setting.bias},
                           {kOther, finish.add ? setting.top : Desc()},
                           {DNNL_ARG_DST, setting.top}}),
        backward_data_(backward_data, {{DNNL_ARG_DIFF_SRC, setting.bottom},
                                       {DNNL_ARG_WEIGHTS, backward_data.weights_desc()},
                                       {DNNL_ARG_DIFF_DST, backward_data.diff_dst_desc()}}),
        backward_weights_(backward_weights, {{DNNL_ARG_SRC, backward_weights.src_desc()},
                                             {DNNL_ARG_DIFF_WEIGHTS, setting.weights},
                                             {DNNL_ARG_DIFF_BIAS, setting.bias},
                                             {DNNL_ARG_DIFF_DST, backward_weights.diff_dst_desc()}}),
        forward_memory_{copy_bytes(setting.weights, forward.weights_desc()),
                        scratchpad_bytes(forward) + copy_bytes(setting.bottom, forward.src_desc())},
        backward_memory_{
            copy_bytes(setting.weights, backward_data.weights_desc()),
            std::max(scratchpad_bytes(backward_data) + copy_bytes(setting.top, backward_data.diff_dst_desc()),
                     scratchpad_bytes(backward_weights) + copy_bytes(setting.bottom, backward_weights.src_desc()) +
                         copy_bytes(setting.top, backward_weights.diff_dst_desc()))},
        weights_(setting.weights, forward.weights_desc()),
        data_weights_(setting.weights, backward_data.weights_desc()),
        bottom_(Detour::kBottom, setting.bottom, forward.src_desc()),
        data_top_(Detour::kTop, setting.top, backward_data.diff_dst_desc()),
        weights_top_(Detour::kTop, setting.top, backward_weights.diff_dst_desc()),
        weights_diff_(Detour::kWeights, setting.weights, setting.weights),
        bias_diff_(Detour::kBias, setting.bias, setting.bias) {}

  std::string implementation() const override { return name_; }
  bool keeps_weights() const override { return keeps_weights_; }

  EngineMemory memory(bool backward) const override {
    if (!backward) return forward_memory_;
    return {forward_memory_.kept + backward_memory_.kept, std::max(forward_memory_.passing, backward_memory_.passing)};
  }

  void forward(const real* x, const real* w, uint64_t version, const real* b, const real* other, real* y) override {
    const PassMemory memory;
    forward_.run({{DNNL_ARG_SRC, bottom_.in(x)},
                  {DNNL_ARG_WEIGHTS, weights_.get(w, version)},
                  {DNNL_ARG_BIAS, b},
                  {kOther, other},
                  {DNNL_ARG_DST, y}});
  }

  void backward_data(const real* dy, const real* w, uint64_t version, real* dx) override {
    const PassMemory memory;
    backward_data_.run({{DNNL_ARG_DIFF_SRC, dx},
                        {DNNL_ARG_WEIGHTS, data_weights_.get(w, version)},
                        {DNNL_ARG_DIFF_DST, data_top_.in(dy)}});
  }

  void backward_weights(const real* x, const real* dy, real* dw, real beta_w, real* db, real beta_b) override {
    const PassMemory memory;
    backward_weights_.run({{DNNL_ARG_SRC, bottom_.in(x)},
                           {DNNL_ARG_DIFF_WEIGHTS, weights_diff_.out(dw, beta_w)},
                           {DNNL_ARG_DIFF_BIAS, bias_diff_.out(db, beta_b)},
                           {DNNL_ARG_DIFF_DST, weights_top_.in(dy)}});
    weights_diff_.finish(dw, beta_w);
    bias_diff_.finish(db, beta_b);
  }

 private:
  std::string name_;
  bool keeps_weights_;
  Primitive forward_, backward_data_, backward_weights_;
  EngineMemory forward_memory_, backward_memory_;
  DerivedWeights weights_, data_weights_;
  Detour bottom_, data_top_, weights_top_;
  Detour weights_diff_, bias_diff_;
};

}  // namespace

std::unique_ptr<EngineInnerProduct> EngineInnerProduct::create(const InnerProductProblem& problem) {
  if (problem.rows == 0 || problem.inputs == 0) return nullptr;
  const Shape bottom{problem.rows, problem.inputs}, top{problem.rows, problem.outputs};
  if (!engine_takes({bottom, top, Shape{problem.outputs, problem.inputs}})) return nullptr;
  auto made = guarded([&]() -> std::unique_ptr<EngineInnerProduct> {
    const Setting setting(problem);
    const Desc& weights = setting.weights_for(setting.product, false);
    const auto hint = setting.forward(weights);
    if (!is_fast(hint)) return nullptr;
    const auto backward_data = setting.backward_data(*hint);
    const auto backward_weights = setting.backward_weights(*hint);
    if (!is_fast(backward_data) || !is_fast(backward_weights)) return nullptr;
    auto forward = setting.forward(setting.weights_for(setting.product, problem.constant_weights), problem.finish);
    if (!is_fast(forward)) forward = setting.forward(weights, problem.finish);
    if (!is_fast(forward)) return nullptr;
    return std::make_unique<OnednnInnerProduct>(setting, problem.finish, *forward, *backward_data, *backward_weights);
  });
  if (made || problem.precision == Precision::f32) return made;
  InnerProductProblem in_float = problem;
  in_float.precision = Precision::f32;
  return create(in_float);
}

#endif

}  // namespace crema

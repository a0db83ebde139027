#include "math/engine_inner_product.h"

#include <algorithm>

#include "math/onednn.h"

namespace crema {

#ifndef CREMA_ENGINE

std::unique_ptr<EngineInnerProduct> EngineInnerProduct::create(const InnerProductProblem&) { return nullptr; }

#else

namespace {

using namespace onednn;
using Desc = dnnl::memory::desc;
using Forward = dnnl::inner_product_forward;
using BackwardData = dnnl::inner_product_backward_data;
using BackwardWeights = dnnl::inner_product_backward_weights;

// How the arguments lie in the caller's memory.
struct Setting {
  Desc bottom, top, weights, any_weights, bias;  // bias: empty if there is none

  explicit Setting(const InnerProductProblem& p)
      : bottom(describe(Shape{p.rows, p.inputs}, Layout::plain)),
        top(describe(Shape{p.rows, p.outputs}, Layout::plain)),
        weights({p.outputs, p.inputs}, dnnl::memory::data_type::f32,
                p.transpose ? dnnl::memory::format_tag::ba : dnnl::memory::format_tag::ab),
        any_weights(describe_any(Shape{p.outputs, p.inputs})) {
    if (p.bias) bias = describe(Shape{p.outputs}, Layout::plain);
  }

  std::optional<Forward::primitive_desc> forward(const Desc& w, const Finish& finish = {}) const {
    return try_create([&] {
      return Forward::primitive_desc({dnnl::prop_kind::forward_training, bottom, w, bias, top}, attributes(finish, top),
                                     cpu());
    });
  }

  std::optional<BackwardData::primitive_desc> backward_data(const Forward::primitive_desc& hint) const {
    return try_create([&] { return BackwardData::primitive_desc({bottom, weights, top}, attributes(), cpu(), hint); });
  }

  std::optional<BackwardWeights::primitive_desc> backward_weights(const Forward::primitive_desc& hint) const {
    return try_create([&] {
      return BackwardWeights::primitive_desc({bottom, weights, bias, top}, attributes(), cpu(), hint);
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
        forward_(forward, {{DNNL_ARG_SRC, setting.bottom},
                           {DNNL_ARG_WEIGHTS, forward.weights_desc()},
                           {DNNL_ARG_BIAS, setting.bias},
                           {kOther, finish.add ? setting.top : Desc()},
                           {DNNL_ARG_DST, setting.top}}),
        backward_data_(backward_data, {{DNNL_ARG_DIFF_SRC, setting.bottom},
                                       {DNNL_ARG_WEIGHTS, setting.weights},
                                       {DNNL_ARG_DIFF_DST, setting.top}}),
        backward_weights_(backward_weights, {{DNNL_ARG_SRC, setting.bottom},
                                             {DNNL_ARG_DIFF_WEIGHTS, setting.weights},
                                             {DNNL_ARG_DIFF_BIAS, setting.bias},
                                             {DNNL_ARG_DIFF_DST, setting.top}}),
        weights_copy_(copy_bytes(setting.weights, forward.weights_desc())),
        forward_scratchpad_(scratchpad_bytes(forward)),
        backward_scratchpad_(std::max(scratchpad_bytes(backward_data), scratchpad_bytes(backward_weights))),
        weights_(setting.weights, forward.weights_desc()),
        weights_diff_(Detour::kWeights, setting.weights, setting.weights),
        bias_diff_(Detour::kBias, setting.bias, setting.bias) {}

  std::string implementation() const override { return name_; }
  bool keeps_weights() const override { return keeps_weights_; }

  EngineMemory memory(bool backward) const override {
    return {weights_copy_, backward ? std::max(forward_scratchpad_, backward_scratchpad_) : forward_scratchpad_};
  }

  void forward(const real* x, const real* w, uint64_t version, const real* b, const real* other, real* y) override {
    forward_.run({{DNNL_ARG_SRC, x},
                  {DNNL_ARG_WEIGHTS, weights_.get(w, version)},
                  {DNNL_ARG_BIAS, b},
                  {kOther, other},
                  {DNNL_ARG_DST, y}});
  }

  void backward_data(const real* dy, const real* w, real* dx) override {
    backward_data_.run({{DNNL_ARG_DIFF_SRC, dx}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DIFF_DST, dy}});
  }

  void backward_weights(const real* x, const real* dy, real* dw, real beta_w, real* db, real beta_b) override {
    backward_weights_.run({{DNNL_ARG_SRC, x},
                           {DNNL_ARG_DIFF_WEIGHTS, weights_diff_.out(dw, beta_w)},
                           {DNNL_ARG_DIFF_BIAS, bias_diff_.out(db, beta_b)},
                           {DNNL_ARG_DIFF_DST, dy}});
    weights_diff_.finish(dw, beta_w);
    bias_diff_.finish(db, beta_b);
  }

 private:
  std::string name_;
  bool keeps_weights_;
  Primitive forward_, backward_data_, backward_weights_;
  long weights_copy_, forward_scratchpad_, backward_scratchpad_;  // bytes
  DerivedWeights weights_;
  Detour weights_diff_, bias_diff_;
};

}  // namespace

std::unique_ptr<EngineInnerProduct> EngineInnerProduct::create(const InnerProductProblem& problem) {
  if (problem.rows == 0 || problem.inputs == 0) return nullptr;
  return guarded([&]() -> std::unique_ptr<EngineInnerProduct> {
    const Setting setting(problem);
    const auto plain = setting.forward(setting.weights);
    if (!is_fast(plain)) return nullptr;
    const auto backward_data = setting.backward_data(*plain);
    const auto backward_weights = setting.backward_weights(*plain);
    if (!is_fast(backward_data) || !is_fast(backward_weights)) return nullptr;
    const auto finished = setting.forward(setting.weights, problem.finish);
    if (!is_fast(finished)) return nullptr;
    const auto own = problem.constant_weights ? setting.forward(setting.any_weights, problem.finish) : std::nullopt;
    return std::make_unique<OnednnInnerProduct>(setting, problem.finish, is_fast(own) ? *own : *finished,
                                                *backward_data, *backward_weights);
  });
}

#endif

}  // namespace crema

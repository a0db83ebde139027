#include "math/engine_steps.h"

#include "base/parallel.h"
#include "math/engine_bounds.h"
#include "math/onednn.h"

namespace crema {

#ifndef CREMA_ENGINE

std::unique_ptr<EngineSteps> EngineSteps::create(const StepsProblem&) { return nullptr; }

#else

namespace {

using namespace onednn;
using Desc = dnnl::memory::desc;
using Product = dnnl::inner_product_forward;

std::optional<Product::primitive_desc> describe_part(const StepsProblem& p, long rows, const Desc& weights) {
  dnnl::primitive_attr attr = attributes();
  if (p.add) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attr.set_post_ops(sum);
  }
  const Desc x = describe(Shape{rows, p.inputs}, Layout::plain), y = describe(Shape{rows, p.outputs}, Layout::plain);
  return try_create([&] {
    return make_descriptor<Product>(operation<Product>(dnnl::prop_kind::forward_inference, x, weights, y), attr);
  });
}

class OnednnSteps final : public EngineSteps {
 public:
  OnednnSteps(const StepsProblem& p, const std::vector<Product::primitive_desc>& parts)
      : name_(parts[0].impl_info_str()), bytes_(static_cast<long>(parts[0].weights_desc().get_size())) {
    const Desc plain({p.outputs, p.inputs}, dnnl::memory::data_type::f32,
                     p.transpose ? dnnl::memory::format_tag::ba : dnnl::memory::format_tag::ab);
    weights_ = DerivedWeights(plain, parts[0].weights_desc());
    for (const Product::primitive_desc& pd : parts) {
      parts_.emplace_back(
          pd, std::initializer_list<Primitive::Argument>{
                  {DNNL_ARG_SRC, pd.src_desc()}, {DNNL_ARG_WEIGHTS, pd.weights_desc()}, {DNNL_ARG_DST, pd.dst_desc()}});
    }
  }

  std::string implementation() const override { return name_; }
  long copied() const override { return bytes_; }
  void prepare(const real* w, uint64_t version) override { w_ = weights_.get(w, version); }
  void run(long part, const real* x, real* y) override {
    parts_[part].run({{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w_}, {DNNL_ARG_DST, y}});
  }

 private:
  std::string name_;
  long bytes_;
  DerivedWeights weights_;
  const real* w_ = nullptr;
  std::vector<Primitive> parts_;
};

}  // namespace

std::unique_ptr<EngineSteps> EngineSteps::create(const StepsProblem& p) {
  if (p.inputs == 0 || p.outputs == 0) return nullptr;
  const long rows = *std::max_element(p.rows.begin(), p.rows.end());
  const Shape x{rows, p.inputs}, y{rows, p.outputs};
  if (!engine_takes({x, y, Shape{p.outputs, p.inputs}})) return nullptr;
  return guarded([&]() -> std::unique_ptr<EngineSteps> {
    const ThreadScope threads(p.rows.size() > 1 ? 1 : 0);
    std::vector<Product::primitive_desc> parts;
    Desc weights = describe_any(Shape{p.outputs, p.inputs});
    for (const long rows : p.rows) {
      const auto pd = rows == 0 ? std::nullopt : describe_part(p, rows, weights);
      if (!is_fast(pd)) return nullptr;
      weights = pd->weights_desc();  // all parts read the same copy
      parts.push_back(*pd);
    }
    return std::make_unique<OnednnSteps>(p, parts);
  });
}

#endif

}  // namespace crema

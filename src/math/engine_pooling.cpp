#include "math/engine_pooling.h"

#include <algorithm>

#include "math/buffer.h"
#include "math/engine_bounds.h"
#include "math/onednn.h"

namespace crema {

#ifdef CREMA_ENGINE

namespace {

using Forward = dnnl::pooling_forward;
using Backward = dnnl::pooling_backward;
using dnnl::algorithm;

class Pooling final : public EnginePooling {
 public:
  Pooling(const Forward::primitive_desc& forward, const Backward::primitive_desc& backward, bool maximum)
      : name_(forward.impl_info_str()),
        scratchpad_(std::max(onednn::scratchpad_bytes(forward), onednn::scratchpad_bytes(backward))) {
    const auto x = forward.src_desc(), y = forward.dst_desc();
    if (maximum) {
      const auto winners = forward.workspace_desc();
      winners_ = Buffer(static_cast<long>((winners.get_size() + sizeof(real) - 1) / sizeof(real)));
      forward_ = {forward, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}, {DNNL_ARG_WORKSPACE, winners}}};
      backward_ = {backward, {{DNNL_ARG_DIFF_DST, y}, {DNNL_ARG_DIFF_SRC, x}, {DNNL_ARG_WORKSPACE, winners}}};
    } else {
      forward_ = {forward, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}}};
      backward_ = {backward, {{DNNL_ARG_DIFF_DST, y}, {DNNL_ARG_DIFF_SRC, x}}};
    }
  }

  void forward(const real* x, real* y) override { run(forward_, {DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}); }

  void backward(const real* dy, real* dx) override { run(backward_, {DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_DIFF_SRC, dx}); }

  std::string implementation() const override { return name_; }

  EngineMemory memory() const override { return {winners_.size() * static_cast<long>(sizeof(real)), scratchpad_}; }

 private:
  using Pointer = std::pair<int, const void*>;

  void run(onednn::Primitive& primitive, const Pointer& from, const Pointer& to) {
    if (!winners_.empty()) {
      primitive.run({from, to, {DNNL_ARG_WORKSPACE, winners_.data()}});
    } else {
      primitive.run({from, to});
    }
  }

  std::string name_;
  long scratchpad_;  // bytes
  Buffer winners_;   // of each window: which element was the largest, in the engine's own form
  onednn::Primitive forward_, backward_;
};

// The engine keeps sizes in int and multiplies two of them.
bool fits(const PoolingAxis& axis) { return std::max({axis.in, axis.kernel, axis.stride, axis.out}) < 1L << 15; }

// The engine divides by the kernel's size or by the number of elements inside the image. PoolingAxis::divisor() equals
// one of these, unless there is a pad and a window also reaches beyond the padding.
algorithm average_of(const PoolingAxis& h, const PoolingAxis& w) {
  if (h.overhang() == 0 && w.overhang() == 0) return algorithm::pooling_avg_include_padding;
  if (h.pad == 0 && w.pad == 0) return algorithm::pooling_avg_exclude_padding;
  return algorithm::undef;
}

// The padding after the axis that gives the engine `out` windows.
long far_pad(const PoolingAxis& axis) {
  return std::max((axis.out - 1) * axis.stride + axis.kernel - axis.in - axis.pad, 0L);
}

}  // namespace

std::unique_ptr<EnginePooling> EnginePooling::create(PoolingMethod method, const Shape& x, Layout layout,
                                                     const PoolingAxis& h, const PoolingAxis& w) {
  const bool maximum = method == PoolingMethod::maximum;
  const algorithm how = maximum ? algorithm::pooling_max : average_of(h, w);
  if (method == PoolingMethod::stochastic || how == algorithm::undef || x.count() == 0 || !fits(h) || !fits(w))
    return nullptr;
  if (!engine_takes({x, Shape{x[0], x[1], h.out, w.out}})) return nullptr;
  return onednn::guarded([&]() -> std::unique_ptr<EnginePooling> {
    const auto from = onednn::describe(x, layout), to = onednn::describe({x[0], x[1], h.out, w.out}, layout);
    const onednn::PoolingWindows windows = {.stride = {h.stride, w.stride},
                                            .kernel = {h.kernel, w.kernel},
                                            .near = {h.pad, w.pad},
                                            .far = {far_pad(h), far_pad(w)}};
    const auto attributes = onednn::attributes();
    const auto forward = onednn::try_create([&] {
      const auto operation =
          onednn::pooling_operation<Forward>(windows, dnnl::prop_kind::forward_training, how, from, to);
      return onednn::make_descriptor<Forward>(operation, attributes);
    });
    if (!forward) return nullptr;
    const auto backward = onednn::try_create([&] {
      const auto operation = onednn::pooling_operation<Backward>(windows, how, from, to);
      return onednn::make_descriptor<Backward>(operation, attributes, *forward);
    });
    if (!backward) return nullptr;
    return std::make_unique<Pooling>(*forward, *backward, maximum);
  });
}

#else

std::unique_ptr<EnginePooling> EnginePooling::create(PoolingMethod, const Shape&, Layout, const PoolingAxis&,
                                                     const PoolingAxis&) {
  return nullptr;
}

#endif

}  // namespace crema

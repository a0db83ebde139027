#include "math/engine_flat.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "math/engine_bounds.h"
#include "math/onednn.h"

namespace crema {

#ifdef CREMA_ENGINE

namespace {

using Desc = dnnl::memory::desc;

// A primitive with any number of sources. It has its own scratchpad, and its arguments live as long as the primitive.
class Combine final : public EngineCombine {
 public:
  template <typename Descriptor>
  explicit Combine(const Descriptor& pd, size_t sources) : name_(pd.impl_info_str()), primitive_(pd.get()) {
    for (size_t k = 0; k < sources; ++k) {
      const int index = static_cast<int>(k);
      sources_.push_back(dnnl::memory(pd.src_desc(index), onednn::cpu(), DNNL_MEMORY_NONE));
      arguments_.push_back({DNNL_ARG_MULTIPLE_SRC + index, sources_.back().get()});
    }
    target_ = dnnl::memory(pd.dst_desc(), onednn::cpu(), DNNL_MEMORY_NONE);
    arguments_.push_back({DNNL_ARG_DST, target_.get()});
  }

  void run(std::span<const real* const> x, real* y) override {
    onednn::guarded([&] {
      for (size_t k = 0; k < x.size(); ++k) onednn::set_pointer(sources_[k], x[k]);
      onednn::set_pointer(target_, y);
      onednn::execute(primitive_, arguments_);
    });
  }

  std::string implementation() const override { return name_; }

 private:
  std::string name_;
  dnnl::primitive primitive_;
  std::vector<dnnl::memory> sources_;
  dnnl::memory target_;
  std::vector<dnnl_exec_arg_t> arguments_;  // of these
};

template <typename Make>
std::unique_ptr<EngineCombine> combine(size_t sources, const Make& make) {
  return onednn::guarded([&]() -> std::unique_ptr<EngineCombine> {
    const auto pd = onednn::try_create(make);
    if (!pd) return nullptr;
    return std::make_unique<Combine>(*pd, sources);
  });
}

}  // namespace

std::unique_ptr<EngineCombine> EngineCombine::sum(long count, std::span<const real> coeff) {
  if (count == 0 || !engine_takes({Shape{count}})) return nullptr;
  const std::vector<Desc> sources(coeff.size(), onednn::describe({count}, Layout::plain));
  return combine(coeff.size(),
                 [&] { return onednn::make_sum(std::vector<float>(coeff.begin(), coeff.end()), sources); });
}

std::unique_ptr<EngineCombine> EngineCombine::concat(long rows, std::span<const long> lengths) {
  if (rows == 0 || std::find(lengths.begin(), lengths.end(), 0) != lengths.end()) return nullptr;
  const long sum = std::accumulate(lengths.begin(), lengths.end(), 0L);
  if (!engine_takes({Shape{rows, sum}})) return nullptr;
  std::vector<Desc> sources;
  for (const long length : lengths) sources.push_back(onednn::describe({rows, length}, Layout::plain));
  // The result's layout is given explicitly: a source of length 1 fits several layouts, so the primitive might choose
  // another one for the result.
  const Desc result = onednn::describe({rows, sum}, Layout::plain);
  return combine(lengths.size(), [&] { return onednn::make_concat(result, 1, sources); });
}

#else

std::unique_ptr<EngineCombine> EngineCombine::sum(long, std::span<const real>) { return nullptr; }
std::unique_ptr<EngineCombine> EngineCombine::concat(long, std::span<const long>) { return nullptr; }

#endif

}  // namespace crema

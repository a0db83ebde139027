#include "math/math_info.h"

#include <cblas.h>
#include <fmt/format.h>

#include "math/onednn_version.h"

namespace crema {

const char* precision_name(Precision precision) { return precision == Precision::bf16 ? "bf16" : "f32"; }

BlasInfo blas_info() {
  const int parallel = openblas_get_parallel();
  return {openblas_get_config(), openblas_get_corename(),
          parallel == OPENBLAS_OPENMP   ? "OpenMP"
          : parallel == OPENBLAS_THREAD ? "pthreads"
                                        : "none"};
}

#ifdef CREMA_WITH_ONEDNN

namespace {

// In oneDNN's list, a set has the bits of all sets that it includes.
bool includes(dnnl::cpu_isa isa, dnnl::cpu_isa part) {
  return (static_cast<unsigned>(isa) & static_cast<unsigned>(part)) == static_cast<unsigned>(part);
}

}  // namespace

EngineInfo engine_info() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  const std::string name = onednn::name_of(isa);
  return {onednn::library_version(),
          name.empty() ? fmt::format("number {:#x} in oneDNN's list", static_cast<unsigned>(isa)) : name,
          includes(isa, dnnl::cpu_isa::avx512_core_bf16), onednn::mismatch()};
}

#else

EngineInfo engine_info() { return {}; }

#endif

}  // namespace crema

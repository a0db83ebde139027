#include "math/math_info.h"

#include <cblas.h>
#include <fmt/format.h>

#ifdef CREMA_WITH_ONEDNN
#include <oneapi/dnnl/dnnl.hpp>
#endif

namespace crema {

BlasInfo blas_info() {
  const int parallel = openblas_get_parallel();
  return {openblas_get_config(), openblas_get_corename(),
          parallel == OPENBLAS_OPENMP   ? "OpenMP"
          : parallel == OPENBLAS_THREAD ? "pthreads"
                                        : "none"};
}

#ifdef CREMA_WITH_ONEDNN

namespace {

const char* name_of(dnnl::cpu_isa isa) {
  switch (isa) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "";
  }
}

}  // namespace

EngineInfo engine_info() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  const std::string name = name_of(isa);
  const dnnl_version_t& v = *dnnl::version();
  return {fmt::format("{}.{}.{}", v.major, v.minor, v.patch),
          name.empty() ? fmt::format("number {:#x} in oneDNN's list", static_cast<unsigned>(isa)) : name};
}

#else

EngineInfo engine_info() { return {}; }

#endif

}  // namespace crema

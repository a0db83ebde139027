// What computes underneath, for reports.
#pragma once

#include <string>

namespace crema {

struct BlasInfo {
  std::string config;   // version and build options, as OpenBLAS says them
  std::string kernel;   // the processor whose kernels it chose
  std::string threads;  // "OpenMP", "pthreads" or "none"
};
BlasInfo blas_info();

struct EngineInfo {
  std::string version;  // of oneDNN, "" in a build without it
  std::string isa;      // the widest instruction set that its kernels use here: "avx512_core_bf16"
};
EngineInfo engine_info();

}  // namespace crema

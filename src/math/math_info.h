// Which libraries do the computing, for reports.
#pragma once

#include <string>

#include "math/precision.h"

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
  bool bf16 = false;    // whether it has instructions for bfloat16: without them it is slower than float
  std::string trouble;  // why it cannot be used: another oneDNN was loaded than crema was built for; "" if it can
};
EngineInfo engine_info();

const char* precision_name(Precision precision);  // as --precision takes it

}  // namespace crema

// The numbers in which the engine multiplies; sums, parameters and everything else are float.
#pragma once

namespace crema {

enum class Precision {
  f32,
  bf16,  // bfloat16: float's exponent, 8 bits of precision; half the bytes
};

}  // namespace crema

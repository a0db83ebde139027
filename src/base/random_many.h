// Random::many_bits(): in a header, so that each file that includes it compiles it for its own vector instructions.
#pragma once

#include "base/random.h"

namespace crema {

// The generator's rounds once more, with a lane for each block, so that compilers vectorize them.
inline void Random::many_bits(uint64_t block, uint32_t* numbers) const {
  constexpr uint32_t kMultiply[2] = {0xD2511F53, 0xCD9E8D57}, kWeyl[2] = {0x9E3779B9, 0xBB67AE85};  // of the paper
  uint32_t counter[4][kBlocks], key[2] = {key_[0], key_[1]};
  for (long k = 0; k < kBlocks; ++k) {
    const uint64_t own = block + static_cast<uint64_t>(k);
    counter[0][k] = static_cast<uint32_t>(own);
    counter[1][k] = static_cast<uint32_t>(own >> 32);
    counter[2][k] = static_cast<uint32_t>(pass_);
    counter[3][k] = static_cast<uint32_t>(pass_ >> 32);
  }
  for (int round = 0; round < 10; ++round) {
#pragma omp simd
    for (long k = 0; k < kBlocks; ++k) {
      const uint64_t first = uint64_t{kMultiply[0]} * counter[0][k], second = uint64_t{kMultiply[1]} * counter[2][k];
      counter[0][k] = static_cast<uint32_t>(second >> 32) ^ counter[1][k] ^ key[0];
      counter[1][k] = static_cast<uint32_t>(second);
      counter[2][k] = static_cast<uint32_t>(first >> 32) ^ counter[3][k] ^ key[1];
      counter[3][k] = static_cast<uint32_t>(first);
    }
    key[0] += kWeyl[0];
    key[1] += kWeyl[1];
  }
  for (long k = 0; k < kBlocks; ++k) {
    for (long i = 0; i < 4; ++i) numbers[4 * k + i] = counter[i][k];
  }
}

}  // namespace crema

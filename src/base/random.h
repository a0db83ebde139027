// Keyed random numbers: a number is a function of (seed, purpose, name, pass, element), by the counter-based generator
// Philox4x32-10 (Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2, 3"; library Random123). There is no
// stream and no state, so results do not depend on the number of threads and a resumed run needs nothing but the seed.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace crema {

class Random {
 public:
  // purpose: "filler", "dropout", "shuffle", ...; name: the layer's (or the layer's and a parameter's index);
  // pass: the forward pass, epoch or whatever counts repetitions, 0 where there are none.
  Random(uint64_t seed, std::string_view purpose, std::string_view name, uint64_t pass = 0);

  uint32_t bits(uint64_t element) const;
  double uniform(uint64_t element) const;   // in (0, 1), never 0 or 1, 53 bits
  double gaussian(uint64_t element) const;  // mean 0, variance 1 (Box and Muller, 1958)

  // The four numbers of one block: bits(4 * block + k) == block_bits(block)[k]. For loops over many elements.
  std::array<uint32_t, 4> block_bits(uint64_t block) const;

  // The same for kBlocks blocks from `block` on, in order, but much faster. Defined in base/random_many.h.
  static constexpr long kBlocks = 16, kNumbers = 4 * kBlocks;
  void many_bits(uint64_t block, uint32_t* numbers) const;

  // The numbers 0 .. n-1 in random order (Fisher and Yates).
  std::vector<uint32_t> permutation(uint32_t n) const;

 private:
  std::array<uint32_t, 2> key_;
  uint64_t pass_;
};

// A seed drawn from the operating system, for runs that set no seed.
uint64_t draw_seed();

}  // namespace crema

#include "base/random.h"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>
#include <random>
#include <utility>

namespace crema {
namespace {

// FNV-1a, 64 bits: turns the words of a key into a number, the same on every machine.
uint64_t hash(uint64_t h, const void* bytes, size_t size) {
  const auto* p = static_cast<const unsigned char*>(bytes);
  for (size_t i = 0; i < size; ++i) h = (h ^ p[i]) * 0x100000001b3ull;
  return h;
}

}  // namespace

Random::Random(uint64_t seed, std::string_view purpose, std::string_view name, uint64_t pass) : pass_(pass) {
  uint64_t h = hash(0xcbf29ce484222325ull, &seed, sizeof seed);
  h = hash(h, purpose.data(), purpose.size());
  h = hash(h, "/", 1);
  h = hash(h, name.data(), name.size());
  key_ = {static_cast<uint32_t>(h), static_cast<uint32_t>(h >> 32)};
}

std::array<uint32_t, 4> Random::block_bits(uint64_t block) const {
  const r123::Philox4x32 philox;
  const r123::Philox4x32::ctr_type counter = {{static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                                               static_cast<uint32_t>(pass_), static_cast<uint32_t>(pass_ >> 32)}};
  const auto out = philox(counter, {{key_[0], key_[1]}});
  return {out[0], out[1], out[2], out[3]};
}

uint32_t Random::bits(uint64_t element) const { return block_bits(element / 4)[element % 4]; }

namespace {

// 53 of 64 random bits, moved by half a step so that neither 0 nor 1 comes out.
double unit(uint32_t high, uint32_t low) {
  const uint64_t bits = (static_cast<uint64_t>(high) << 32 | low) >> 12;
  return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

}  // namespace

double Random::uniform(uint64_t element) const {
  const auto b = block_bits(element);
  return unit(b[0], b[1]);
}

double Random::gaussian(uint64_t element) const {
  const auto b = block_bits(element);
  const double radius = std::sqrt(-2.0 * std::log(unit(b[0], b[1])));
  return radius * std::cos(2.0 * std::numbers::pi * unit(b[2], b[3]));
}

std::vector<uint32_t> Random::permutation(uint32_t n) const {
  std::vector<uint32_t> order(n);
  for (uint32_t i = 0; i < n; ++i) order[i] = i;
  for (uint32_t i = n; i > 1; --i) {
    const auto b = block_bits(i);
    const auto j =
        static_cast<uint32_t>(static_cast<unsigned __int128>(static_cast<uint64_t>(b[0]) << 32 | b[1]) * i >> 64);
    std::swap(order[i - 1], order[j]);
  }
  return order;
}

uint64_t draw_seed() {
  std::random_device device;
  // Below 2^63: Caffe's random_seed is a signed field in which negative means "draw one".
  return (static_cast<uint64_t>(device()) << 32 | device()) >> 1;
}

}  // namespace crema

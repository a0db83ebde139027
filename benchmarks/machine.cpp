#include "machine.h"

#include <algorithm>
#include <chrono>

#include "base/parallel.h"
#include "core/net.h"

namespace crema {
namespace {

constexpr int kRepetitions = 15;
constexpr long kSide = 1024;
constexpr long kElements = 24L << 20;  // 96 MB an array

// The shortest of several runs, in seconds.
template <typename Body>
double best_seconds(const Body& body) {
  double best = 1e9;
  for (int i = 0; i < kRepetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

// A product of square matrices, as an inner product computes it: by OpenBLAS, or by the engine.
double product_seconds(int threads, Engine engine) {
  const std::string text = fmt::format(
      "layer {{ name: 'x' type: 'Input' top: 'x' input_param {{ shape {{ dim: {0} dim: {0} }} }} }}"
      "layer {{ name: 'y' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param {{ num_output: {0} "
      "bias_term: false }} }}",
      kSide);
  NetState state;
  state.set_phase(TEST);
  NetOptions options;
  options.threads = threads;
  options.engine = engine;
  Net net(filter(parse_net(text, "machine"), state), options);
  std::fill_n(net.input("x").mutable_data(), kSide * kSide, real{1});
  net.forward();
  return best_seconds([&] { net.forward(); });
}

}  // namespace

MachineRates measure_machine(int threads) {
  const ThreadScope scope(threads);
  const double flops = 2.0 * kSide * kSide * kSide;
  MachineRates rates{};
  rates.gemm_flops =
      flops / std::min(product_seconds(threads, Engine::plain), product_seconds(threads, default_engine()));
  Buffer x(kElements, 1), y(kElements, 2), z(kElements, 3);
  const double bytes = static_cast<double>(kElements) * sizeof(real);
  real *px = x.data(), *py = y.data(), *pz = z.data();
  rates.copy_bytes =
      2 * bytes / best_seconds([=] {
        parallel_for(kElements, 1, [=](long begin, long end) { std::copy(px + begin, px + end, py + begin); });
      });
  rates.triad_bytes = 3 * bytes / best_seconds([=] {
                        parallel_for(kElements, 1, [=](long begin, long end) {
#pragma omp simd
                          for (long i = begin; i < end; ++i) pz[i] = px[i] + real{0.5} * py[i];
                        });
                      });
  return rates;
}

}  // namespace crema

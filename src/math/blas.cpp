#include "math/blas.h"

#include <algorithm>
#include <limits>

#include <cblas.h>

#include "base/error.h"
#include "base/parallel.h"

namespace crema {
namespace {

int to_int(long dim) {
  check(dim >= 0 && dim <= std::numeric_limits<int>::max(), "matrix dimension {} is out of range: at most {}", dim,
        std::numeric_limits<int>::max());
  return static_cast<int>(dim);
}

CBLAS_TRANSPOSE to_cblas(Use use) { return use == Use::transposed ? CblasTrans : CblasNoTrans; }

Use opposite(Use use) { return use == Use::transposed ? Use::as_is : Use::transposed; }

// Each row is summed in real (in separate lanes, so that the loop vectorizes); the sums of rows are added in double.
real sum_row(const real* x, long n) {
  real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (long i = 0; i < n; ++i) sum += x[i];
  return sum;
}

}  // namespace

void gemm(Use use_a, Use use_b, long m, long n, long k, real alpha, const real* a, const real* b, real beta, real* c) {
  if (m == 1) {  // c' = op(B)' a'
    const bool as_is = use_b == Use::as_is;
    return gemv(opposite(use_b), as_is ? k : n, as_is ? n : k, alpha, b, a, beta, c);
  }
  gemm(use_a, use_b, m, n, k, alpha, a, use_a == Use::as_is ? k : m, b, use_b == Use::as_is ? n : k, beta, c, n);
}

void gemm(Use use_a, Use use_b, long m, long n, long k, real alpha, const real* a, long lda, const real* b, long ldb,
          real beta, real* c, long ldc) {
  const auto stride = [](long ld) { return std::max(1, to_int(ld)); };
#ifdef CREMA_DOUBLE
  const auto gemm = cblas_dgemm;
#else
  const auto gemm = cblas_sgemm;
#endif
  gemm(CblasRowMajor, to_cblas(use_a), to_cblas(use_b), to_int(m), to_int(n), to_int(k), alpha, a, stride(lda), b,
       stride(ldb), beta, c, stride(ldc));
}

void gemv(Use use_a, long m, long n, real alpha, const real* a, const real* x, real beta, real* y) {
#ifdef CREMA_DOUBLE
  const auto gemv = cblas_dgemv;
#else
  const auto gemv = cblas_sgemv;
#endif
  const long results = use_a == Use::as_is ? m : n;
  if (beta == 0) std::fill(y, y + results, real{0});  // BLAS libraries differ on 0 * NaN here
  gemv(CblasRowMajor, to_cblas(use_a), to_int(m), to_int(n), alpha, a, std::max(1, to_int(n)), x, 1, beta, y, 1);
}

void axpy(long n, real alpha, const real* x, real* y) {
  parallel_for(n, 1, [&](long begin, long end) {
    for (long i = begin; i < end; ++i) y[i] += alpha * x[i];
  });
}

void sum_channels(long outer, long channels, long inner, const real* x, real beta, real* sums) {
  constexpr long kTile = 16;
  const long tile = inner == 1 ? kTile : 1;
  parallel_for((channels + tile - 1) / tile, tile * outer * inner, [&](long begin, long end) {
    for (long first = begin * tile; first < std::min(channels, end * tile); first += tile) {
      const long width = std::min(tile, channels - first);
      double total[kTile] = {};
      for (long n = 0; n < outer; ++n) {
        const real* row = x + (n * channels + first) * inner;
        if (inner == 1) {
          for (long c = 0; c < width; ++c) total[c] += row[c];
        } else {
          for (long c = 0; c < width; ++c) total[c] += sum_row(row + c * inner, inner);
        }
      }
      for (long c = 0; c < width; ++c) {
        const real sum = static_cast<real>(total[c]);
        sums[first + c] = beta == 0 ? sum : beta * sums[first + c] + sum;
      }
    }
  });
}

void fill_channels(long outer, long channels, long inner, const real* values, real* y) {
  parallel_for(outer, channels * inner, [&](long begin, long end) {
    for (long n = begin; n < end; ++n) {
      real* to = y + n * channels * inner;
      if (inner == 1) {
        std::copy_n(values, channels, to);
        continue;
      }
      for (long c = 0; c < channels; ++c) std::fill_n(to + c * inner, inner, values[c]);
    }
  });
}

}  // namespace crema

// Dense linear algebra on row-major arrays, by CBLAS, and the sums over channels that biases need.
//
// Where beta is 0 the result is overwritten, whatever stood there (NaN included). Dimensions beyond the range of int
// throw Error. On all threads when called from outside of a parallel region, on the calling thread inside one.
#pragma once

#include "math/real.h"

namespace crema {

// Whether a matrix is used as it lies in memory or transposed.
enum class Use { as_is, transposed };

// C = alpha * op(A) * op(B) + beta * C.  op(A): m x k, op(B): k x n, C: m x n; a transposed A lies as k x m.
void gemm(Use use_a, Use use_b, long m, long n, long k, real alpha, const real* a, const real* b, real beta, real* c);

// The same on parts of larger matrices, whose rows lie lda, ldb and ldc numbers apart.
void gemm(Use use_a, Use use_b, long m, long n, long k, real alpha, const real* a, long lda, const real* b, long ldb,
          real beta, real* c, long ldc);

// y = alpha * op(A) * x + beta * y.  A lies as m x n; as it is, x has n elements and y has m, transposed the reverse.
void gemv(Use use_a, long m, long n, real alpha, const real* a, const real* x, real beta, real* y);

// y += alpha * x.  n elements each.
void axpy(long n, real alpha, const real* x, real* y);

// The loops below see an array as (outer, channels, inner): (N, C, H * W) for an image's channels, (N, C, 1) for
// columns.

// sums[c] = beta * sums[c] + the sum of x[n][c][s] over n and s, in an order that does not depend on the threads.
void sum_channels(long outer, long channels, long inner, const real* x, real beta, real* sums);

// y[n][c][s] = values[c].
void fill_channels(long outer, long channels, long inner, const real* values, real* y);

}  // namespace crema

#include "math/normalize.h"

#include <cmath>

namespace crema {
namespace {

struct TwoSums {
  double first = 0, second = 0;
};

// A row that one thread works on; other threads work on other rows.
struct OneThread {
  template <typename Term>
  double sum(long begin, long end, const Term& term) const {
    return crema::sum(begin, end, term);
  }
  // The same for two terms that mostly read the same numbers.
  template <typename First, typename Second>
  TwoSums two_sums(long begin, long end, const First& first, const Second& second) const {
    constexpr long kLanes = 16, kBlock = 32 * kLanes;
    TwoSums total;
    for (long block = begin; block < end; block += kBlock) {
      const long stop = std::min(end, block + kBlock);
      real a[kLanes] = {}, b[kLanes] = {};
      long i = block;
      for (; i + kLanes <= stop; i += kLanes) {
        for (long k = 0; k < kLanes; ++k) {
          a[k] += first(i + k);
          b[k] += second(i + k);
        }
      }
      for (long k = 0; i < stop; ++i, ++k) {
        a[k] += first(i);
        b[k] += second(i);
      }
      for (long k = 0; k < kLanes; ++k) {
        total.first += static_cast<double>(a[k]);
        total.second += static_cast<double>(b[k]);
      }
    }
    return total;
  }
  template <typename F>
  void each(long begin, long end, const F& f) const {
    const F local = f;
#pragma omp simd
    for (long i = begin; i < end; ++i) local(i);
  }
};

// A row that all threads work on.
struct AllThreads {
  template <typename Term>
  double sum(long begin, long end, const Term& term) const {
    return parallel_sum(end - begin, 2, [&](long i) { return term(begin + i); });
  }
  template <typename First, typename Second>
  TwoSums two_sums(long begin, long end, const First& first, const Second& second) const {
    return {sum(begin, end, first), sum(begin, end, second)};
  }
  template <typename F>
  void each(long begin, long end, const F& f) const {
    for_elements(end - begin, 2, [=](long i) { f(begin + i); });
  }
};

// Whether there are too few rows to give each core one. Must depend on the shape alone, since the two ways add in
// different orders.
bool few(long rows, long n) { return rows > 0 && rows < 16 && n >= 65536; }

// Calls body(row, on) for each row; `on` sums and loops over its elements.
template <typename Body>
void for_rows(long rows, long n, const Body& body) {
  if (few(rows, n)) {
    for (long row = 0; row < rows; ++row) body(row, AllThreads());
    return;
  }
  parallel_for(rows, 4 * n, [&](long begin, long end) {
    for (long row = begin; row < end; ++row) body(row, OneThread());
  });
}

// Measures the row x.
template <typename On>
void measure(const Normalization& norm, const On& on, long n, const real* x, real& mean, real& inverse) {
  const double count = static_cast<double>(std::max(1L, n));
  const real m = norm.centered ? static_cast<real>(on.sum(0, n, [=](long i) { return x[i]; }) / count) : 0;
  const double squares =
      norm.divisor == Normalization::nothing ? 0 : on.sum(0, n, [=](long i) { return (x[i] - m) * (x[i] - m); });
  mean = m;
  inverse = norm.inverse(squares, n);
}

// xhat = (v - mean) * factor  for the values v of a row.
struct Affine {
  real mean, factor;
  Affine(const RowInput& input, const RowStatistics& statistics, long row)
      : mean(input.normalized ? 0 : statistics.mean[row]), factor(input.normalized ? 1 : statistics.inverse[row]) {}
};

// dx = p w dy - q - t (v - mean)  for a row.
struct Coefficients {
  real p, q, t;
  // Sets q and t from the row's sums of g and of g xhat, where g = w dy.
  Coefficients(const Normalization& norm, long n, real inverse, real factor, double g, double gx)
      : p(inverse),
        q(norm.centered ? inverse * static_cast<real>(g / static_cast<double>(n)) : 0),
        t(inverse * factor * norm.share(inverse, n) * static_cast<real>(gx)) {}
};

constexpr long kPartRows = 64;  // rows whose gradients of w and b are added up in real

long part_rows(long rows) { return std::clamp(rows / 16, 1L, kPartRows); }
long parts_of(long rows) { return (rows + part_rows(rows) - 1) / part_rows(rows); }

}  // namespace

real Normalization::inverse(double squares, long n) const {
  const double mean = squares / static_cast<double>(std::max(1L, n)), e = static_cast<double>(eps);
  switch (divisor) {
    case nothing:
      return 1;
    case root_mean_square:
      return static_cast<real>(1 / std::sqrt(mean + e));
    case deviation_and_eps:
      return static_cast<real>(1 / (std::sqrt(mean) + e));
    case length:
      return static_cast<real>(1 / std::sqrt(squares + e));
  }
  return 1;
}

real Normalization::share(real inverse, long n) const {
  const real equal = 1 / static_cast<real>(std::max(1L, n));
  switch (divisor) {
    case nothing:
      return 0;
    case root_mean_square:
      return equal;
    case deviation_and_eps: {
      const real part = 1 - eps * inverse;  // deviation / (deviation + eps)
      return part > 0 ? equal / part : 0;
    }
    case length:
      return 1;
  }
  return 0;
}

void normalize_groups(const Normalization& norm, const Groups& groups, const real* x, const real* w, const real* b,
                      real* y, const RowStatistics& statistics) {
  const long n = groups.length();
  const bool plain = w == nullptr && b == nullptr;
  const long runs = plain ? 1 : groups.channels, inner = plain ? n : groups.inner;
  for_rows(groups.rows(), n, [&](long row, const auto& on) {
    const real* from = x + row * n;
    real* to = y + row * n;
    measure(norm, on, n, from, statistics.mean[row], statistics.inverse[row]);
    const real mean = statistics.mean[row];
    for (long k = 0; k < runs; ++k) {
      const long c = row % groups.groups * runs + k;
      const real factor = w ? w[c] * statistics.inverse[row] : statistics.inverse[row], summand = b ? b[c] : 0;
      on.each(k * inner, (k + 1) * inner, [=](long i) { to[i] = (from[i] - mean) * factor + summand; });
    }
  });
}

void normalize_groups_gradient(const Normalization& norm, const Groups& groups, const RowInput& input,
                               const RowStatistics& statistics, const real* w, const real* dy, real* dx, real* sums) {
  const long n = groups.length();
  const bool plain = w == nullptr && sums == nullptr;
  const long runs = plain ? 1 : groups.channels, inner = plain ? n : groups.inner;
  for_rows(groups.rows(), n, [&](long row, const auto& on) {
    const real *v = input.values + row * n, *dyr = dy + row * n;
    const Affine hat(input, statistics, row);
    const real* factors = w ? w + row % groups.groups * runs : nullptr;
    double g = 0, gx = 0;
    for (long k = 0; k < runs; ++k) {
      const long begin = k * inner, end = begin + inner;
      const auto [sum, centered] = on.two_sums(
          begin, end, [=](long i) { return dyr[i]; }, [=, mean = hat.mean](long i) { return dyr[i] * (v[i] - mean); });
      const double product = centered * hat.factor;
      if (sums) {
        sums[2 * (row * runs + k)] = static_cast<real>(sum);
        sums[2 * (row * runs + k) + 1] = static_cast<real>(product);
      }
      g += sum * (factors ? factors[k] : 1);
      gx += product * (factors ? factors[k] : 1);
    }
    if (!dx) return;
    real* to = dx + row * n;
    const Coefficients of(norm, n, statistics.inverse[row], hat.factor, g, gx);
    for (long k = 0; k < runs; ++k) {
      const real p = factors ? of.p * factors[k] : of.p;
      on.each(k * inner, (k + 1) * inner,
              [=, q = of.q, t = of.t, mean = hat.mean](long i) { to[i] = p * dyr[i] - q - t * (v[i] - mean); });
    }
  });
}

void add_group_sums(const Groups& groups, const real* sums, int which, real beta, real* d) {
  const long channels = groups.all_channels();
  parallel_for(channels, groups.records, [&](long begin, long end) {
    for (long c = begin; c < end; ++c) {
      double total = beta == 0 ? 0 : static_cast<double>(beta * d[c]);  // memory may hold NaN
      for (long n = 0; n < groups.records; ++n) total += static_cast<double>(sums[2 * (n * channels + c) + which]);
      d[c] = static_cast<real>(total);
    }
  });
}

void normalize_rows(const Normalization& norm, long rows, long n, const real* x, const real* w, const real* b, real* y,
                    const RowStatistics& statistics) {
  for_rows(rows, n, [&](long row, const auto& on) {
    const real* from = x + row * n;
    real* to = y + row * n;
    measure(norm, on, n, from, statistics.mean[row], statistics.inverse[row]);
    const real mean = statistics.mean[row], inverse = statistics.inverse[row];
    if (w && b) {
      on.each(0, n, [=](long i) { to[i] = (from[i] - mean) * inverse * w[i] + b[i]; });
    } else if (w) {
      on.each(0, n, [=](long i) { to[i] = (from[i] - mean) * inverse * w[i]; });
    } else if (b) {
      on.each(0, n, [=](long i) { to[i] = (from[i] - mean) * inverse + b[i]; });
    } else {
      on.each(0, n, [=](long i) { to[i] = (from[i] - mean) * inverse; });
    }
  });
}

long normalize_rows_scratch(long rows, long n) { return few(rows, n) ? 0 : parts_of(rows) * 2 * n; }

void normalize_rows_gradient(const Normalization& norm, long rows, long n, const RowInput& input,
                             const RowStatistics& statistics, const real* w, const real* dy, real* dx,
                             const Accumulated& dw, const Accumulated& db, real* scratch) {
  // Adds the row's share to the sums for w and b, or writes it where keep is 0; then the row's dx, which may be dy.
  const auto do_row = [&](long row, const auto& on, const Accumulated& to_w, const Accumulated& to_b) {
    const real *v = input.values + row * n, *dyr = dy + row * n;
    const Affine hat(input, statistics, row);
    const real mean = hat.mean, factor = hat.factor;
    const auto add = [&](const Accumulated& to, const auto& term) {
      real* sum = to.diff;
      if (to.beta == 0) {
        on.each(0, n, [=](long i) { sum[i] = term(i); });
      } else {
        on.each(0, n, [=](long i) { sum[i] += term(i); });
      }
    };
    if (to_w.diff) add(to_w, [=](long i) { return dyr[i] * (v[i] - mean) * factor; });
    if (to_b.diff) add(to_b, [=](long i) { return dyr[i]; });
    if (!dx) return;
    real* to = dx + row * n;
    const auto finish = [&](const auto& g) {
      const auto [sum, product] = on.two_sums(0, n, g, [=](long i) { return g(i) * (v[i] - mean); });
      const Coefficients of(norm, n, statistics.inverse[row], factor, sum, product * factor);
      on.each(0, n, [=](long i) { to[i] = of.p * g(i) - of.q - of.t * (v[i] - mean); });
    };
    if (w) {
      finish([=](long i) { return w[i] * dyr[i]; });
    } else {
      finish([=](long i) { return dyr[i]; });
    }
  };

  if (few(rows, n)) {
    for (long row = 0; row < rows; ++row) {
      do_row(row, AllThreads(), {dw.diff, row == 0 ? dw.beta : 1}, {db.diff, row == 0 ? db.beta : 1});
    }
    return;
  }
  // Rows are added up in parts, each in its own memory, so that x and dy are read once and the order is fixed.
  const long in_part = part_rows(rows), parts = parts_of(rows);
  parallel_for(parts, 8 * in_part * n, [&](long begin, long end) {
    for (long part = begin; part < end; ++part) {
      real *sum_w = dw.diff ? scratch + part * 2 * n : nullptr,
           *sum_b = db.diff ? scratch + (part * 2 + 1) * n : nullptr;
      for (long row = part * in_part; row < std::min(rows, (part + 1) * in_part); ++row) {
        const real keep = row == part * in_part ? 0 : 1;
        do_row(row, OneThread(), {sum_w, keep}, {sum_b, keep});
      }
    }
  });
  if (!dw.diff && !db.diff) return;
  AxisSplit columns;
  columns.outer = parts;
  columns.channels = 2 * n;
  reduce_channels(
      columns, nullptr, [=](long, long i) { return scratch[i]; },
      [&](long c, double sum) {
        const Accumulated& to = c < n ? dw : db;
        if (!to.diff) return;
        real& d = to.diff[c < n ? c : c - n];
        d = static_cast<real>(sum) + (to.beta == 0 ? 0 : to.beta * d);  // memory may hold NaN
      });
}

}  // namespace crema

#include "math/local_response.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "math/local_response_lines.h"
#include "math/local_response_power.h"

namespace crema {
namespace {

constexpr long kTile = 256;  // pixels of all channels that are worked on at once, so that a window's rows stay in the
                             // cache

using namespace local_response_detail;

long slots() { return omp_get_max_threads(); }

// Calls body(begin, end, room) for ranges that cover all jobs; room: memory of `numbers` numbers, for one job at a
// time.
template <typename Body>
void for_ranges(long jobs, long cost, long numbers, real* room, const Body& body) {
  const long parts = std::max(1L, std::min(slots(), jobs));
  parallel_for(parts, jobs / parts * cost, [&](long begin, long end) {
    for (long part = begin; part < end; ++part) {
      body(jobs * part / parts, jobs * (part + 1) / parts, room + part * numbers);
    }
  });
}

// Calls body(job, room) for each job.
template <typename Body>
void for_jobs(long jobs, long cost, long numbers, real* room, const Body& body) {
  for_ranges(jobs, cost, numbers, room, [&](long begin, long end, real* own) {
    for (long job = begin; job < end; ++job) body(job, own);
  });
}

// --- across channels: windows that slide over rows of pixels ---------------------------------------------------------

// Sums are kept in double, so that subtracting an element that leaves a window undoes its addition exactly.
double square(real x) { return static_cast<double>(x) * static_cast<double>(x); }

long tiles_of(const LocalResponse& norm) { return (norm.pixels() + kTile - 1) / kTile; }
long ring_rows(const LocalResponse& norm) { return 2 * norm.reach + 2; }

// A tile of an image: n pixels from `base` on, the first element of channel 0.
struct Tile {
  const LocalResponse& norm;
  long base, n;

  Tile(const LocalResponse& norm, long job) : norm(norm) {
    const long tiles = tiles_of(norm), pixels = norm.pixels(), t = job % tiles;
    base = job / tiles * norm.channels * pixels + pixels * t / tiles;
    n = pixels * (t + 1) / tiles - pixels * t / tiles;
  }

  long at(long c) const { return base + c * norm.pixels(); }

  // Channel c's row; zeros beyond the first and the last channel.
  const real* row(const real* x, long c) const {
    static constexpr real kZeros[kTile] = {};
    return c < 0 || c >= norm.channels ? kZeros : x + at(c);
  }

  // The sums for channel 0: of all channels in its window except the last one.
  void start(const real* x, double* sums) const {
    for (long c = 0; c < std::min(norm.reach, norm.channels); ++c) {
      const real* from = row(x, c);
#pragma omp simd
      for (long i = 0; i < n; ++i) sums[i] += square(from[i]);
    }
  }

  template <typename Power>
  void forward(const Power& power, const real* x, real* y) const {
    double sums[kTile] = {};
    start(x, sums);
    for (long c = 0; c < norm.channels; ++c) {
      const real *enters = row(x, c + norm.reach), *leaves = row(x, c - norm.reach - 1), *from = row(x, c);
      const real k = norm.k, share = norm.share;
      real* to = y + at(c);
#pragma omp simd
      for (long i = 0; i < n; ++i) {
        const double sum = sums[i] + square(enters[i]) - square(leaves[i]);
        sums[i] = sum;
        to[i] = from[i] * power(k + share * static_cast<real>(sum));
      }
    }
  }

  // The window over the squares runs ahead of the window over dy x s^(-beta - 1), so that the terms of the second
  // window are ready when needed. The rows between the two are kept in a ring.
  template <typename Power>
  void backward(const Power& power, const real* x, const real* dy, real* dx, real* ring) const {
    const long rows = ring_rows(norm);
    real *ratios = ring, *powers = ring + rows * kTile;
    std::fill_n(ratios, rows * kTile, real{0});
    double squares[kTile] = {}, sums[kTile] = {};
    start(x, squares);
    for (long ahead = 0; ahead < norm.channels + norm.reach; ++ahead) {
      const long c = ahead - norm.reach;
      real* ratio = ratios + ahead % rows * kTile;
      if (ahead < norm.channels) {
        measure(power, x, dy, ahead, squares, ratio, powers + ahead % rows * kTile);
      } else {
        std::fill_n(ratio, n, real{0});
      }
      if (c < 0) {
        for (long i = 0; i < n; ++i) sums[i] += static_cast<double>(ratio[i]);
      } else {
        const real* leaves = ratios + (ahead + 1) % rows * kTile;  // that of channel c - reach - 1
        finish(row(x, c), row(dy, c), powers + c % rows * kTile, ratio, leaves, sums, dx + at(c));
      }
    }
  }

  // Channel c's s^-beta and dy x s^(-beta - 1).
  template <typename Power>
  void measure(const Power& power, const real* x, const real* dy, long c, double* squares, real* ratio,
               real* powers) const {
    const real *enters = row(x, c + norm.reach), *leaves = row(x, c - norm.reach - 1);
    const real *from = row(x, c), *slope = row(dy, c), k = norm.k, share = norm.share;
#pragma omp simd
    for (long i = 0; i < n; ++i) {
      const double sum = squares[i] + square(enters[i]) - square(leaves[i]);
      squares[i] = sum;
      const auto [p, inverse] = power.both(k + share * static_cast<real>(sum));
      powers[i] = p;
      ratio[i] = slope[i] * from[i] * p * inverse;
    }
  }

  void finish(const real* x, const real* dy, const real* powers, const real* enters, const real* leaves, double* sums,
              real* dx) const {
    const real factor = 2 * norm.beta * norm.share;
#pragma omp simd
    for (long i = 0; i < n; ++i) {
      const double sum = sums[i] + static_cast<double>(enters[i]) - static_cast<double>(leaves[i]);
      sums[i] = sum;
      dx[i] = powers[i] * dy[i] - factor * x[i] * static_cast<real>(sum);
    }
  }
};

// --- within a channel: sums down the columns, then along the line ----------------------------------------------------

// sums[i]: of line[i] to line[i + 2 reach].
void sum_windows(const real* line, long reach, long n, real* sums) {
  std::copy_n(line, n, sums);
  for (long k = 1; k <= 2 * reach; ++k) {
#pragma omp simd
    for (long i = 0; i < n; ++i) sums[i] += line[i + k];
  }
}

struct Plane {
  const LocalResponse& norm;
  long base;

  Plane(const LocalResponse& norm, long job) : norm(norm), base(job * norm.pixels()) {}

  // sums: for each pixel of the plane, of term(pixel) over the window around it. own: room for a line with zeros at its
  // ends.
  template <typename Term>
  void sum_all(real* own, const Term& term, real* sums) const {
    const long height = norm.height, width = norm.width, reach = norm.reach;
    std::fill_n(own, width + 2 * reach, real{0});
    real* columns = own + reach;
    for (long h = 0; h < height; ++h) {
      std::fill_n(columns, width, real{0});
      for (long r = std::max(0L, h - reach); r <= std::min(height - 1, h + reach); ++r) {
#pragma omp simd
        for (long w = 0; w < width; ++w) columns[w] += term(r * width + w);
      }
      sum_windows(own, reach, width, sums + h * width);
    }
  }

  template <typename Power>
  void forward(const Power& power, const real* x, real* y, real* own) const {
    const real *from = x + base, k = norm.k, share = norm.share;
    real* to = y + base;
    sum_all(
        own, [=](long i) { return from[i] * from[i]; }, to);
#pragma omp simd
    for (long i = 0; i < norm.pixels(); ++i) to[i] = from[i] * power(k + share * to[i]);
  }

  template <typename Power>
  void backward(const Power& power, const real* x, const real* dy, real* dx, real* own) const {
    const real *from = x + base, *slope = dy + base, k = norm.k, share = norm.share, factor = 2 * norm.beta * share;
    const long n = norm.pixels();
    real *to = dx + base, *ratios = own + norm.width + 2 * norm.reach, *powers = ratios + n;
    sum_all(
        own, [=](long i) { return from[i] * from[i]; }, to);
#pragma omp simd
    for (long i = 0; i < n; ++i) {
      const auto [p, inverse] = power.both(k + share * to[i]);
      powers[i] = p;
      ratios[i] = slope[i] * from[i] * p * inverse;
    }
    sum_all(
        own, [=](long i) { return ratios[i]; }, to);
#pragma omp simd
    for (long i = 0; i < n; ++i) to[i] = powers[i] * slope[i] - factor * from[i] * to[i];
  }
};

bool in_lines(const LocalResponse& norm) { return norm.across && norm.block > 1; }

// The numbers that one job needs.
long room_of(const LocalResponse& norm) {
  if (in_lines(norm)) return line_room(norm);
  return norm.across ? 2 * ring_rows(norm) * kTile : norm.width + 2 * norm.reach + 2 * norm.pixels();
}

// The cost of a job of `pixels` pixels with all their channels.
long cost_of(const LocalResponse& norm, long pixels) { return (8 + norm.reach) * norm.channels * pixels; }

}  // namespace

long local_response_room(const LocalResponse& norm) { return slots() * room_of(norm); }

void local_response(const LocalResponse& norm, const real* x, real* y, real* room) {
  const long numbers = room_of(norm);
  if (in_lines(norm)) {
    return for_ranges(line_jobs(norm), cost_of(norm, 8), numbers, room,
                      [&](long begin, long end, real* own) { line_forward(norm, begin, end, x, y, own); });
  }
  with_power(norm.beta, [&](const auto& power) {
    if (norm.across) {
      for_jobs(norm.records * tiles_of(norm), cost_of(norm, std::min(kTile, norm.pixels())), numbers, room,
               [&](long job, real*) { Tile(norm, job).forward(power, x, y); });
    } else {
      for_jobs(norm.records * norm.channels, (8 + 4 * norm.reach) * norm.pixels(), numbers, room,
               [&](long job, real* own) { Plane(norm, job).forward(power, x, y, own); });
    }
  });
}

void local_response_gradient(const LocalResponse& norm, const real* x, const real* dy, real* dx, real* room) {
  const long numbers = room_of(norm);
  if (in_lines(norm)) {
    return for_ranges(line_jobs(norm), 2 * cost_of(norm, 8), numbers, room,
                      [&](long begin, long end, real* own) { line_backward(norm, begin, end, x, dy, dx, own); });
  }
  with_power(norm.beta, [&](const auto& power) {
    if (norm.across) {
      for_jobs(norm.records * tiles_of(norm), 2 * cost_of(norm, std::min(kTile, norm.pixels())), numbers, room,
               [&](long job, real* own) { Tile(norm, job).backward(power, x, dy, dx, own); });
    } else {
      for_jobs(norm.records * norm.channels, (16 + 8 * norm.reach) * norm.pixels(), numbers, room,
               [&](long job, real* own) { Plane(norm, job).backward(power, x, dy, dx, own); });
    }
  });
}

}  // namespace crema

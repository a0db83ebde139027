#include "math/local_response_lines.h"

#include <algorithm>

#include "math/local_response_power.h"

namespace crema {
namespace {

using namespace local_response_detail;

constexpr long kPixels = 8;  // of a job, so that their lines stay in the first-level cache

// A line holds the channels of a pixel, with zeros before the first and after the last.
struct Line {
  const LocalResponse& norm;
  long channels;  // with the padding of the last block
  long stride;    // from one line to the next

  explicit Line(const LocalResponse& norm)
      : norm(norm),
        channels((norm.channels + norm.block - 1) / norm.block * norm.block),
        stride(channels + 2 * norm.reach) {}

  long tiles() const { return (norm.pixels() + kPixels - 1) / kPixels; }
  // The first element of a job, and how many pixels it has.
  long base(long job) const { return job / tiles() * channels * norm.pixels() + job % tiles() * kPixels * norm.block; }
  long pixels(long job) const { return std::min(kPixels, norm.pixels() - job % tiles() * kPixels); }
};

// Calls body(c, at, n) for each run of a pixel's channels that are neighbours: n channels from c on, at element `at`.
// For blocks of 16, which are usual, the size is known at compile time.
template <long kBlock, typename Body>
void for_runs(const Line& line, const Body& body) {
  const long block = kBlock > 0 ? kBlock : line.norm.block, step = line.norm.pixels() * block;
  for (long c = 0, at = 0; c < line.channels; c += block, at += step) body(c, at, block);
}

// sums[c]: of line[c] to line[c + 2 reach].
template <long kReach>
real window(const real* line, long c, long reach) {
  real sum = line[c];
  for (long k = 1; k <= 2 * (kReach > 0 ? kReach : reach); ++k) sum += line[c + k];
  return sum;
}

template <long kBlock, long kReach, typename Power>
struct Lines {
  const Line line;
  const Power power;
  real* squares;
  real* ratios;
  real* powers;

  Lines(const LocalResponse& norm, const Power& power, real* room)
      : line(norm),
        power(power),
        squares(room),
        ratios(room + kPixels * line.stride),
        powers(ratios + kPixels * line.stride) {
    std::fill_n(squares, 2 * kPixels * line.stride, real{0});
  }

  void square(const real* x, long n) const {
    const long reach = line.norm.reach;
    for_runs<kBlock>(line, [&](long c, long at, long run) {
      for (long p = 0; p < n; ++p) {
        const real* from = x + at + p * run;
        real* to = squares + p * line.stride + reach + c;
#pragma omp simd
        for (long i = 0; i < run; ++i) to[i] = from[i] * from[i];
      }
    });
  }

  void forward(const real* x, real* y, long n) const {
    const real k = line.norm.k, share = line.norm.share;
    square(x, n);
    for_runs<kBlock>(line, [&, reach = line.norm.reach](long c, long at, long run) {
      for (long p = 0; p < n; ++p) {
        const real *from = x + at + p * run, *own = squares + p * line.stride + c;
        real* to = y + at + p * run;
#pragma omp simd
        for (long i = 0; i < run; ++i) to[i] = from[i] * power(k + share * window<kReach>(own, i, reach));
      }
    });
  }

  void backward(const real* x, const real* dy, real* dx, long n) const {
    const real k = line.norm.k, share = line.norm.share, factor = 2 * line.norm.beta * share;
    square(x, n);
    for_runs<kBlock>(line, [&, reach = line.norm.reach](long c, long at, long run) {
      for (long p = 0; p < n; ++p) {
        const real *from = x + at + p * run, *slope = dy + at + p * run, *own = squares + p * line.stride + c;
        real *ratio = ratios + p * line.stride + reach + c, *kept = powers + p * line.channels + c;
#pragma omp simd
        for (long i = 0; i < run; ++i) {
          const auto [s_to_beta, inverse] = power.both(k + share * window<kReach>(own, i, reach));
          kept[i] = s_to_beta;
          ratio[i] = slope[i] * from[i] * s_to_beta * inverse;
        }
      }
    });
    for_runs<kBlock>(line, [&, reach = line.norm.reach](long c, long at, long run) {
      for (long p = 0; p < n; ++p) {
        const real *from = x + at + p * run, *slope = dy + at + p * run, *own = ratios + p * line.stride + c;
        const real* kept = powers + p * line.channels + c;
        real* to = dx + at + p * run;
#pragma omp simd
        for (long i = 0; i < run; ++i) {
          to[i] = kept[i] * slope[i] - factor * from[i] * window<kReach>(own, i, reach);
        }
      }
    });
  }
};

// For the usual layout and window, the sizes are known at compile time.
template <typename Body>
void with_lines(const LocalResponse& norm, real* room, const Body& body) {
  with_power(norm.beta, [&](const auto& power) {
    using Power = std::remove_cvref_t<decltype(power)>;
    if (norm.block == 16 && norm.reach == 2) {
      body(Lines<16, 2, Power>(norm, power, room));
    } else {
      body(Lines<0, 0, Power>(norm, power, room));
    }
  });
}

}  // namespace

long line_room(const LocalResponse& norm) {
  const Line line(norm);
  return kPixels * (2 * line.stride + line.channels);
}

long line_jobs(const LocalResponse& norm) { return norm.records * Line(norm).tiles(); }

void line_forward(const LocalResponse& norm, long begin, long end, const real* x, real* y, real* room) {
  with_lines(norm, room, [&](const auto& lines) {
    for (long job = begin; job < end; ++job) {
      const long base = lines.line.base(job);
      lines.forward(x + base, y + base, lines.line.pixels(job));
    }
  });
}

void line_backward(const LocalResponse& norm, long begin, long end, const real* x, const real* dy, real* dx,
                   real* room) {
  with_lines(norm, room, [&](const auto& lines) {
    for (long job = begin; job < end; ++job) {
      const long base = lines.line.base(job);
      lines.backward(x + base, dy + base, dx + base, lines.line.pixels(job));
    }
  });
}

}  // namespace crema

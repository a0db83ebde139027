#include "math/channel_norm.h"

#include <algorithm>

#include "math/lanes.h"

namespace crema {
namespace {

using Tile = ChannelArray::Tile;

constexpr long kWide = 4;                 // vectors of lanes that are worked on in turn, to hide latencies
constexpr long kRowsInReal = 32;          // added up in real before they are added in double
constexpr long kSegment = 1L << 15;       // elements of a run that make one part
constexpr long kRowsElements = 1L << 16;  // of rows that make one part, so that the part stays in the second-level
                                          // cache
constexpr long kManyElements = 1L << 21;  // of an array that is large enough to be worked on group by group
constexpr long kShiftSamples = 16;

// --- walking over tiles in vectors of lanes ---

template <int V>
struct Width {};

// How a vector of lanes is read and written: all of them, or the first n.
struct AllLanes {
  Lanes get(const real* from, const Lanes&) const { return load_lanes(from); }
  void put(const Lanes& lanes, real* to) const { store_lanes(lanes, to); }
};
struct SomeLanes {
  long n;
  Lanes get(const real* from, const Lanes& others) const {
    Lanes lanes = others;
    std::memcpy(&lanes, from, static_cast<size_t>(n) * sizeof(real));
    return lanes;
  }
  void put(const Lanes& lanes, real* to) const { std::memcpy(to, &lanes, static_cast<size_t>(n) * sizeof(real)); }
};

// Part of a tile: rows of V vectors. With kColumns, each lane of a row is another channel, from `column` on; otherwise
// all vectors have the same channels.
template <bool kColumns>
struct Rows {
  static constexpr bool columns = kColumns;
  long first, rows, stride;
  long column = 0;
};

// Calls body(Width<V>(), access, rows) for parts of the tile that are made of vectors of lanes.
template <typename Body>
void walk(const Tile& tile, const Body& body) {
  constexpr long kRow = kWide * kLanes;
  if (tile.stride == 0) {
    using Run = Rows<false>;
    const long wide = tile.count / kRow, single = tile.count % kRow / kLanes, rest = tile.count % kLanes;
    for (long run = 0; run < tile.runs; ++run) {
      const long first = tile.first + run * tile.step, second = first + wide * kRow, third = second + single * kLanes;
      if (wide > 0) body(Width<kWide>(), AllLanes(), Run{first, wide, kRow});
      if (single > 0) body(Width<1>(), AllLanes(), Run{second, single, kLanes});
      if (rest > 0) body(Width<1>(), SomeLanes{rest}, Run{third, 1, 0});
    }
    return;
  }
  using Strip = Rows<true>;
  long c = 0;
  for (; c + kRow <= tile.stride; c += kRow) {
    body(Width<kWide>(), AllLanes(), Strip{tile.first + c, tile.rows, tile.stride, c});
  }
  for (; c + kLanes <= tile.stride; c += kLanes) {
    body(Width<1>(), AllLanes(), Strip{tile.first + c, tile.rows, tile.stride, c});
  }
  if (c < tile.stride) {
    body(Width<1>(), SomeLanes{tile.stride - c}, Strip{tile.first + c, tile.rows, tile.stride, c});
  }
}

// The numbers of a tile's channels, arranged so that the number for lane k is at k (or, in rows, at the lane's column).
class Spread {
 public:
  Spread(const real* of, const Tile& tile) : at_(of + tile.channel) {
    if (tile.stride != 0 || tile.period == kLanes) return;
    for (long k = 0; k < kLanes; ++k) own_[k] = at_[k & (tile.period - 1)];
    at_ = own_;
  }
  Spread(const Spread&) = delete;
  Spread& operator=(const Spread&) = delete;

  const real* at() const { return at_; }

 private:
  const real* at_;
  real own_[kLanes];
};

template <int V>
struct Constants {
  Lanes of[V];
  template <bool kColumns>
  Constants(const Spread& spread, const Rows<kColumns>& rows) {
    for (int v = 0; v < V; ++v) of[v] = load_lanes(spread.at() + rows.column + (kColumns ? v * kLanes : 0));
  }
};

// Calls body(element, v) for each vector.
template <int V, bool kColumns, typename Body>
void each_row(const Rows<kColumns>& rows, const Body& given) {
  const Body body = given;  // a copy in registers: stores through the body's pointers cannot change what it captured
  const auto [first, count, stride, column] = rows;
  for (long row = 0; row < count; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) body(first + row * stride + v * kLanes, v);
  }
}

// --- sums ---

struct Pair {
  Lanes a, b;
};

struct WidePair {
  WideLanes a = {}, b = {};
};

// Adds the pairs term(element, v) of all rows to sums[v], or to sums[0] if all vectors have the same channels.
template <int V, bool kColumns, typename Term>
void add_rows(const Rows<kColumns>& rows, const Term& given, WidePair* sums) {
  const Term term = given;  // in registers
  const auto [first, count, stride, column] = rows;
  for (long row = 0; row < count;) {
    Lanes a[V] = {}, b[V] = {};
    for (const long stop = std::min(count, row + kRowsInReal); row < stop; ++row) {
      const long i = first + row * stride;
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        const Pair pair = term(i + v * kLanes, v);
        a[v] += pair.a;
        b[v] += pair.b;
      }
    }
    if constexpr (kColumns) {
      for (int v = 0; v < V; ++v) {
        sums[v].a += widen(a[v]);
        sums[v].b += widen(b[v]);
      }
    } else {
      for (int v = 1; v < V; ++v) {
        a[0] += a[v];
        b[0] += b[v];
      }
      sums[0].a += widen(a[0]);
      sums[0].b += widen(b[0]);
    }
  }
}

// Writes the sums of a tile's channels to a[c] and b[c]. add(width, access, rows, sums) adds those of a part of the
// tile.
template <typename Add>
void sum_tile(const Tile& tile, const Add& add, real* a, real* b) {
  WidePair run;
  walk(tile, [&]<int V, typename Part>(Width<V> width, const auto& access, const Part& rows) {
    if constexpr (Part::columns) {
      WidePair sums[V];
      add(width, access, rows, sums);
      for (int v = 0; v < V; ++v) {
        for (long k = 0; k < kLanes; ++k) {
          a[rows.column + v * kLanes + k] = static_cast<real>(sums[v].a[k]);
          b[rows.column + v * kLanes + k] = static_cast<real>(sums[v].b[k]);
        }
      }
    } else {
      add(width, access, rows, &run);
    }
  });
  if (tile.stride != 0) return;
  for (long c = 0; c < tile.period; ++c) {
    double in_a = 0, in_b = 0;
    for (long k = c; k < kLanes; k += tile.period) {
      in_a += run.a[k];
      in_b += run.b[k];
    }
    a[tile.channel + c] = static_cast<real>(in_a);
    b[tile.channel + c] = static_cast<real>(in_b);
  }
}

// Of x - shift, and of its square.
void sum_moments(const Tile& tile, const real* x, const real* shift, real* sum, real* squares) {
  const Spread shifts(shift, tile);
  sum_tile(
      tile,
      [&]<int V>(Width<V>, const auto& access, const auto& rows, WidePair* sums) {
        const Constants<V> s(shifts, rows);
        const auto term = [=](long i, int v) {
          const Lanes d = access.get(x + i, s.of[v]) - s.of[v];
          return Pair{d, d * d};
        };
        add_rows<V>(rows, term, sums);
      },
      sum, squares);
}

// --- the map and its gradient ---

template <bool kBent>
Lanes bend(const Lanes& t, const Lanes& value, const Lanes& slope) {
  if constexpr (!kBent) return value;
  return t > Lanes{} ? value : slope * value;
}

template <typename Body>
void with_bool(bool which, const Body& body) {
  if (which) {
    body.template operator()<true>();
  } else {
    body.template operator()<false>();
  }
}

struct MapSpread {
  Spread mean, factor, shift, slope;
  MapSpread(const ChannelMap& map, const Tile& tile)
      : mean(map.mean, tile),
        factor(map.factor, tile),
        shift(map.shift, tile),
        slope(map.slope != nullptr ? map.slope : map.mean, tile) {}
};

template <int V>
struct MapConstants {
  Constants<V> mean, factor, shift, slope;
  template <bool kColumns>
  MapConstants(const MapSpread& spread, const Rows<kColumns>& rows)
      : mean(spread.mean, rows), factor(spread.factor, rows), shift(spread.shift, rows), slope(spread.slope, rows) {}
};

void map_tile(const Tile& tile, const ChannelMap& map, const real* x, real* y) {
  const MapSpread spread(map, tile);
  with_bool(map.slope != nullptr, [&]<bool kBent>() {
    walk(tile, [&]<int V>(Width<V>, const auto& access, const auto& rows) {
      const MapConstants<V> m(spread, rows);
      each_row<V>(rows, [=](long i, int v) {
        const Lanes t = (access.get(x + i, Lanes{}) - m.mean.of[v]) * m.factor.of[v] + m.shift.of[v];
        access.put(bend<kBent>(t, t, m.slope.of[v]), y + i);
      });
    });
  });
}

// Of g and g (x - mean).
void sum_gradients(const Tile& tile, const ChannelMap& map, const real* x, const real* dy, real* sum, real* product) {
  const MapSpread spread(map, tile);
  with_bool(map.slope != nullptr, [&]<bool kBent>() {
    sum_tile(
        tile,
        [&]<int V>(Width<V>, const auto& access, const auto& rows, WidePair* sums) {
          const MapConstants<V> m(spread, rows);
          const auto term = [=](long i, int v) {
            const Lanes d = access.get(x + i, m.mean.of[v]) - m.mean.of[v];
            const Lanes g = bend<kBent>(d * m.factor.of[v] + m.shift.of[v], access.get(dy + i, Lanes{}), m.slope.of[v]);
            return Pair{g, g * d};
          };
          add_rows<V>(rows, term, sums);
        },
        sum, product);
  });
}

void gradient_tile(const Tile& tile, const ChannelMap& map, const ChannelGradient& gradient, const real* x,
                   const real* dy, real* dx) {
  const MapSpread spread(map, tile);
  const real *p = gradient.p, *q = gradient.q, *r = gradient.r;
  const Spread ps(p, tile), qs(q != nullptr ? q : p, tile), rs(q != nullptr ? r : p, tile);
  with_bool(map.slope != nullptr, [&]<bool kBent>() {
    with_bool(q != nullptr, [&]<bool kCentered>() {
      walk(tile, [&]<int V>(Width<V>, const auto& access, const auto& rows) {
        const MapConstants<V> m(spread, rows);
        const Constants<V> pc(ps, rows), qc(qs, rows), rc(rs, rows);
        each_row<V>(rows, [=](long i, int v) {
          const Lanes d = access.get(x + i, Lanes{}) - m.mean.of[v];
          const Lanes t = d * m.factor.of[v] + m.shift.of[v];
          const Lanes first = pc.of[v] * bend<kBent>(t, access.get(dy + i, Lanes{}), m.slope.of[v]);
          access.put(kCentered ? first - qc.of[v] - rc.of[v] * d : first, dx + i);
        });
      });
    });
  });
}

// --- groups and parts over the threads ---

// sum(part, group, a, b) writes a part's sums for the group's channels; total(first, last) is called once `a` and `b`
// hold the sums over all parts; then each(part, group) is called.
template <typename Sum, typename Total, typename Each>
void sum_and_apply(const ChannelArray& array, real* a, real* b, real* scratch, const Sum& sum, const Total& total,
                   const Each& each) {
  const long parts = array.parts(), groups = array.groups(), room = array.room();
  const long cost = 4 * array.per_channel() * array.channels() / std::max(1L, parts * groups);
  const auto add_up = [&](long first, long last) {
    for (long c = first; c < last; ++c) {
      double in_a = 0, in_b = 0;
      for (long part = 0; part < parts; ++part) {
        in_a += static_cast<double>(scratch[2 * part * room + c]);
        in_b += static_cast<double>(scratch[(2 * part + 1) * room + c]);
      }
      a[c] = static_cast<real>(in_a);
      b[c] = static_cast<real>(in_b);
    }
    total(first, last);
  };
  const auto sum_part = [&](long part, long group) {
    sum(part, group, scratch + 2 * part * room, scratch + (2 * part + 1) * room);
  };
  if (array.by_group()) {
    parallel_for(groups, parts * cost, [&](long begin, long end) {
      for (long group = begin; group < end; ++group) {
        for (long part = 0; part < parts; ++part) sum_part(part, group);
        add_up(array.first_channel(group), array.first_channel(group + 1));
        for (long part = 0; part < parts; ++part) each(part, group);
      }
    });
    return;
  }
  const auto for_all = [&](const auto& body) {
    parallel_for(parts * groups, cost, [&](long begin, long end) {
      for (long k = begin; k < end; ++k) body(k / groups, k % groups);
    });
  };
  for_all(sum_part);
  parallel_for(array.channels(), 2 * parts, add_up);  // of an empty array, too
  for_all(each);
}

template <typename Body>
void for_tiles(const ChannelArray& array, const Body& body) {
  const long tiles = array.parts() * array.groups();
  parallel_for(tiles, 4 * array.per_channel() * array.channels() / std::max(1L, tiles), [&](long begin, long end) {
    for (long k = begin; k < end; ++k) body(array.tile(k / array.groups(), k % array.groups()));
  });
}

// For each channel of a group, a value near the channel's elements: sums of squares around it lose no digits.
void find_shifts(const ChannelArray& array, long group, const real* x, real* shift) {
  const Tile tile = array.tile(0, group);
  const long first = array.first_channel(group), n = array.first_channel(group + 1) - first;
  const long step = tile.stride != 0 ? tile.stride : tile.period;
  const long samples = std::min(kShiftSamples, tile.stride != 0 ? tile.rows : tile.count / tile.period);
  for (long c = 0; c < n; ++c) {
    real sum = 0;
    for (long k = 0; k < samples; ++k) sum += x[tile.first + c + k * step];
    shift[first + c] = sum / static_cast<real>(samples);
  }
}

}  // namespace

ChannelArray::ChannelArray(const AxisSplit& split, Layout layout)
    : channels_(split.channels), per_channel_(split.outer * split.inner), period_(block_size(layout)) {
  if (channels_ * per_channel_ == 0) {
    groups_ = 0;
    return;
  }
  rows_ = period_ == 1 && channels_ > 1 && (layout == Layout::channels_last || split.inner == 1);
  if (rows_) {
    all_rows_ = per_channel_;
    parts_ = std::clamp(all_rows_ * channels_ / kRowsElements, 1L, all_rows_);
    return;
  }
  groups_ = (channels_ + period_ - 1) / period_;
  const bool one = groups_ == 1;  // its records are adjacent in memory
  run_ = (one ? per_channel_ : split.inner) * period_;
  records_ = one ? 1 : split.outer;
  segments_ = (run_ + kSegment - 1) / kSegment;
  in_part_ = std::clamp(kSegment / run_, 1L, records_);
  parts_ = segments_ > 1 ? records_ * segments_ : (records_ + in_part_ - 1) / in_part_;
}

long ChannelArray::first_channel(long group) const {
  return rows_ ? group * channels_ : std::min(group * period_, channels_);
}

Tile ChannelArray::tile(long part, long group) const {
  Tile tile;
  if (rows_) {
    const long begin = all_rows_ * part / parts_;
    tile.first = begin * channels_;
    tile.rows = all_rows_ * (part + 1) / parts_ - begin;
    tile.stride = channels_;
    return tile;
  }
  const long segment = part % segments_ * kSegment, record = part / segments_ * in_part_;
  tile.first = (record * groups_ + group) * run_ + segment;
  tile.channel = group * period_;
  tile.count = std::min(kSegment, run_ - segment);
  tile.period = period_;
  tile.runs = std::min(in_part_, records_ - record);
  tile.step = groups_ * run_;
  return tile;
}

bool ChannelArray::by_group() const {
  const long threads = omp_get_max_threads();
  // An array that fits into the cache as a whole is better read in the order of memory.
  if (rows_ || groups_ == 0 || channels_ * per_channel_ < kManyElements) return false;
  return groups_ % threads == 0 || groups_ >= 4 * threads;
}

void map_channels(const ChannelArray& array, const ChannelMap& map, const real* x, real* y) {
  for_tiles(array, [&](const Tile& tile) { map_tile(tile, map, x, y); });
}

void normalize_channels(const ChannelArray& array, const real* x, real* mean, real* variance, const ChannelsDone& done,
                        const ChannelMap& map, real* y, real* scratch) {
  const auto count = static_cast<double>(std::max(1L, array.per_channel()));
  real* shift = scratch + 2 * array.parts() * array.room();
  std::fill_n(shift, array.room(), real{0});
  parallel_for(array.groups(), kShiftSamples * array.channels(), [&](long begin, long end) {
    for (long group = begin; group < end; ++group) find_shifts(array, group, x, shift);
  });
  sum_and_apply(
      array, mean, variance, scratch,
      [&](long part, long group, real* sum, real* squares) {
        sum_moments(array.tile(part, group), x, shift, sum, squares);
      },
      [&](long first, long last) {
        for (long c = first; c < last; ++c) {
          const double off = static_cast<double>(mean[c]) / count;
          const double v = static_cast<double>(variance[c]) / count - off * off;
          mean[c] = static_cast<real>(static_cast<double>(shift[c]) + off);
          variance[c] = static_cast<real>(v < 0 ? 0 : v);  // by rounding; NaN stays
        }
        done(first, last);
      },
      [&](long part, long group) { map_tile(array.tile(part, group), map, x, y); });
}

void channel_gradient(const ChannelArray& array, const ChannelMap& map, const real* x, const real* dy, real* sum,
                      real* product, const ChannelsDone& done, const ChannelGradient& gradient, real* dx,
                      real* scratch) {
  sum_and_apply(
      array, sum, product, scratch,
      [&](long part, long group, real* a, real* b) { sum_gradients(array.tile(part, group), map, x, dy, a, b); }, done,
      [&](long part, long group) {
        if (dx) gradient_tile(array.tile(part, group), map, gradient, x, dy, dx);
      });
}

void map_gradient(const ChannelArray& array, const ChannelMap& map, const real* x, const real* dy, const real* p,
                  real* dx) {
  for_tiles(array, [&](const Tile& tile) { gradient_tile(tile, map, {p, nullptr, nullptr}, x, dy, dx); });
}

}  // namespace crema

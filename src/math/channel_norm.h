// Batch normalization's work on an array of any layout: each channel's statistics, a map of each channel, and the
// gradient of both together. Where a thread can have channels for itself, it measures and then maps one group of them
// before the next, so that the group is still in its cache.
//
// Sums are taken around a value of the channel, in blocks in real and across blocks in double, and in an order that
// does not depend on the number of threads. Arrays of a number for each channel hold room() of them, 0 beyond the
// channels: so the padding of blocked layouts stays zero.
#pragma once

#include <functional>

#include "math/layout.h"
#include "math/loops.h"

namespace crema {

class ChannelArray {
 public:
  ChannelArray() = default;
  // Layouts other than plain have their channels at axis 1: the split's outer axis is the records.
  ChannelArray(const AxisSplit& split, Layout layout);

  long channels() const { return channels_; }
  long room() const { return (channels_ + kLanes - 1) / kLanes * kLanes; }
  long per_channel() const { return per_channel_; }
  // Numbers that the functions below need for sums of parts.
  long scratch() const { return (2 * parts() + 1) * room(); }

  static constexpr long kLanes = 16;  // elements that are worked on at once

  // Elements that are added up at once: of one group of channels, or of all channels.
  struct Tile {
    long first = 0;    // the first element
    long channel = 0;  // of the first element
    // If stride is 0: `runs` runs, `step` apart, of `count` adjacent elements, which belong to `period` channels in
    // turn. Otherwise: `rows` rows, `stride` apart, with one element for each channel.
    long count = 0, period = 1, runs = 1, step = 0;
    long rows = 0, stride = 0;
  };
  long groups() const { return groups_; }
  long parts() const { return parts_; }  // of each group
  Tile tile(long part, long group) const;
  // The channels of a group: from first_channel(g) to first_channel(g + 1).
  long first_channel(long group) const;
  // Whether groups of channels, rather than parts, are spread over the threads.
  bool by_group() const;

 private:
  long channels_ = 1, per_channel_ = 0;
  long groups_ = 1, parts_ = 0;
  bool rows_ = false;  // channels lie innermost
  // Otherwise there is a run of elements for each record; a part is a segment of one run, or several runs.
  long period_ = 1, run_ = 0, records_ = 1, segments_ = 1, in_part_ = 1;
  long all_rows_ = 0;
};

// t = (x - mean) * factor + shift;  y = t, or where there is a slope: t for t > 0, slope * t otherwise. NaN stays NaN.
struct ChannelMap {
  const real *mean, *factor, *shift;
  const real* slope = nullptr;
};

// Called for the channels first to last - 1 once their sums are known, on any thread.
using ChannelsDone = std::function<void(long first, long last)>;

void map_channels(const ChannelArray& array, const ChannelMap& map, const real* x, real* y);

// Writes each channel's mean and (biased) variance; calls `done`, which may set the arrays that `map` points to; then
// applies the map. y may be x.
void normalize_channels(const ChannelArray& array, const real* x, real* mean, real* variance, const ChannelsDone& done,
                        const ChannelMap& map, real* y, real* scratch);

// Let g = dy, or with a slope: dy for t > 0, slope * dy otherwise. Writes each channel's sums of g and of g * (x -
// mean), and calls `done`. Then, unless dx is null, dx = p g - q - r (x - mean), or p g if q is null. dx may be dy.
struct ChannelGradient {
  const real *p, *q, *r;
};
void channel_gradient(const ChannelArray& array, const ChannelMap& map, const real* x, const real* dy, real* sum,
                      real* product, const ChannelsDone& done, const ChannelGradient& gradient, real* dx,
                      real* scratch);

// dx = p g alone.
void map_gradient(const ChannelArray& array, const ChannelMap& map, const real* x, const real* dy, const real* p,
                  real* dx);

}  // namespace crema

// ArgMax:  the indices of the top_k largest x_i, largest first; of equal ones the larger index first, NaN last.
// bottom[0] x: (N, ...).  Without axis, i runs through each record: top[0] is (N, 1, top_k), or with out_max_val
// (N, 2, top_k), indices and then values; 1 on further axes if x has more than three.  With axis, i runs along it:
// top[0] has the shape of x with top_k on that axis, and holds the indices, or with out_max_val the values.
// No backward, no parameters.  Rejects a top_k larger than the number of elements that are searched.
#include <algorithm>
#include <limits>
#include <optional>

#include "core/layer.h"
#include "math/loops.h"

namespace crema {
namespace {

constexpr long kMaxIndex = 1 << 24;  // a float holds every whole number up to here
constexpr long kBlock = 256;         // places that are searched at once
constexpr long kShares = 64;         // parts that the places are divided into; each has its own list

struct Found {
  real value;
  long index;
};

bool better(const Found& a, const Found& b) {
  const bool a_is_number = a.value == a.value, b_is_number = b.value == b.value;
  if (a_is_number != b_is_number) return a_is_number;
  return a.value > b.value || (!(a.value < b.value) && a.index > b.index);
}

class ArgMax final : public Layer {
 public:
  explicit ArgMax(const LayerParameter& config)
      : top_k_(config.argmax_param().top_k()), values_(config.argmax_param().out_max_val()) {
    if (config.argmax_param().has_axis()) axis_ = config.argmax_param().axis();
    check(top_k_ > 0, "top_k is 0; it must be positive");
  }

  Contract contract() const override { return Contract().no_backward(); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& x = bottom[0]->shape();
    check(x.axes() > 0, "the bottom is a scalar; there is nothing to search");
    const int axis = axis_ ? x.canonical(*axis_, "argmax_param.axis") : 1;
    split_ = AxisSplit(x, axis, axis_ ? 1 : x.axes() - 1);
    check(top_k_ <= split_.channels, "top_k is {}, and {} elements are searched (bottom 0: {})", top_k_,
          split_.channels, x.str());
    check(split_.channels <= kMaxIndex, "{} elements are searched; a top holds indices up to {}", split_.channels,
          kMaxIndex);
    std::vector<long> y = x.dims();
    if (axis_) {
      y[axis] = top_k_;
    } else {
      y.resize(std::max<size_t>(3, y.size()));
      std::fill(y.begin() + 1, y.end(), 1);
      y[1] = values_ ? 2 : 1;
      y[2] = top_k_;
    }
    top[0]->reshape(Shape(y));
    if (top_k_ > 1) lists_.resize(kShares * top_k_);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const real* x = bottom[0]->data();
    out_ = {top[0]->mutable_data(), nullptr, top_k_ * split_.inner};
    if (values_ && axis_) out_ = {nullptr, top[0]->mutable_data(), out_.stride};
    if (values_ && !axis_) out_ = {out_.indices, out_.indices + top_k_, 2 * top_k_};
    if (top_k_ > 1) return search_lists(x);
    return split_.inner == 1 ? search_rows(x) : search_blocks(x);
  }

  void backward(const Tops&, const PropagateDown&, const Bottoms&) override {}

 private:
  // The k-th index and value of place (outer, s) are written at outer * stride + k * inner + s.
  struct Out {
    real *indices, *values;  // either may be null
    long stride;
  };

  void put(long outer, long k, long s, const Found& found) const {
    const long at = outer * out_.stride + k * split_.inner + s;
    if (out_.indices) out_.indices[at] = static_cast<real>(found.index);
    if (out_.values) out_.values[at] = found.value;
  }

  // Searches one place after the other: for the largest value, then for the last index that has it.
  void search_rows(const real* x) const {
    const long n = split_.channels;
    parallel_for(split_.outer, n * 2, [&](long begin, long end) {
      for (long row = begin; row < end; ++row) {
        const real* at = x + row * n;
        real largest = -std::numeric_limits<real>::infinity();
#pragma omp simd reduction(max : largest)
        for (long c = 0; c < n; ++c) largest = at[c] > largest ? at[c] : largest;
        long index = n - 1;
        while (index > 0 && at[index] != largest) --index;
        if (at[index] != largest) index = n - 1;  // all values are NaN
        put(row, 0, 0, {at[index], index});
      }
    });
  }

  // Searches places that are adjacent in memory together, channel by channel.
  void search_blocks(const real* x) const {
    const long outer = split_.outer, channels = split_.channels, inner = split_.inner;
    const long blocks = (inner + kBlock - 1) / kBlock;
    parallel_for(outer * blocks, channels * kBlock, [&](long begin, long end) {
      real largest[kBlock];
      int index[kBlock];
      for (long b = begin; b < end; ++b) {
        const long image = b / blocks, first = b % blocks * kBlock, width = std::min(kBlock, inner - first);
        const real* at = x + image * channels * inner + first;
        std::fill_n(largest, width, -std::numeric_limits<real>::infinity());
        std::fill_n(index, width, static_cast<int>(channels - 1));
        for (long c = 0; c < channels; ++c) {
          const real* row = at + c * inner;
          const int channel = static_cast<int>(c);
#pragma omp simd
          for (long s = 0; s < width; ++s) {
            const bool wins = row[s] >= largest[s];
            largest[s] = wins ? row[s] : largest[s];
            index[s] = wins ? channel : index[s];
          }
        }
        for (long s = 0; s < width; ++s) put(image, 0, first + s, {at[index[s] * inner + s], index[s]});
      }
    });
  }

  void search_lists(const real* x) {
    const long places = split_.outer * split_.inner;
    parallel_for(kShares, (places * split_.channels * 2 + kShares - 1) / kShares, [&](long begin, long end) {
      for (long share = begin; share < end; ++share) {
        Found* list = lists_.data() + share * top_k_;
        for (long p = places * share / kShares; p < places * (share + 1) / kShares; ++p) {
          const long image = p / split_.inner, s = p % split_.inner;
          list_best(x + image * split_.channels * split_.inner + s, list);
          for (long k = 0; k < top_k_; ++k) put(image, k, s, list[k]);
        }
      }
    });
  }

  // During the search the list is a heap of the best elements so far. Its first element is the worst of these.
  void list_best(const real* x, Found* list) const {
    Found* const end = list + top_k_;
    for (long k = 0; k < top_k_; ++k) list[k] = {x[k * split_.inner], k};
    std::make_heap(list, end, better);
    for (long c = top_k_; c < split_.channels; ++c) {
      const Found found{x[c * split_.inner], c};
      if (!better(found, *list)) continue;
      std::pop_heap(list, end, better);
      end[-1] = found;
      std::push_heap(list, end, better);
    }
    std::sort_heap(list, end, better);
  }

  long top_k_;
  bool values_;
  std::optional<int> axis_;
  AxisSplit split_;
  Out out_{};
  BufferOf<Found> lists_;
};

const RegisterLayer<ArgMax> registered("ArgMax", "argmax_param");

}  // namespace
}  // namespace crema

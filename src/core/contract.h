// What Net must know about a layer to wire it, to plan memory and to run it backward. Plain data.
#pragma once

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace crema {

// A set of bottom or top indices: none, all, or those listed.
class Indices {
 public:
  Indices() = default;
  Indices(std::initializer_list<int> list) {
    for (const int i : list) bits_ |= uint64_t{1} << i;
  }
  static Indices all() {
    Indices set;
    set.bits_ = ~uint64_t{0};
    return set;
  }
  bool contains(int i) const { return i < 64 ? (bits_ >> i & 1) != 0 : bits_ == ~uint64_t{0}; }

 private:
  uint64_t bits_ = 0;
};

struct Contract {
  static constexpr int kAny = std::numeric_limits<int>::max();

  int min_bottoms = 1, max_bottoms = 1;
  int min_tops = 1, max_tops = 1;
  int made_tops = 0;         // tops that exist even if the file names fewer (the loss of a loss layer)
  float loss_weight = 0;     // of top 0, where the file gives none
  bool has_backward = true;  // false: data sources, Accuracy; gradients end here
  Indices no_gradient;       // bottoms without a gradient: labels, indices; an error if layers below learn
  Indices shape_only;        // bottoms that are read for their shape alone: their gradient is zero
  Indices no_gradient_tops;  // tops without a gradient: a pooling's mask
  Indices bottom_data_read;  // what backward reads
  Indices top_data_read;
  std::vector<std::pair<int, int>> same_memory;  // (bottom, top) that may be one memory, data and diff: elementwise
  std::vector<std::pair<int, int>> views;        // (bottom, top): the top has the bottom's elements in the same order
  bool view_diffs = false;    // for views: the bottom's diff is the top's diff, too (one top per bottom)
  bool keeps_tops = false;    // tops are written once, or by the caller: their memory is never given to others
  bool resizes_tops = false;  // a top's shape is known only after forward; reshape sets the largest possible one

  // For writing a contract in one line. The defaults fit a plain layer: one bottom, one top, backward reads neither's
  // data.
  Contract& bottoms(int n) { return bottoms(n, n); }
  Contract& bottoms(int min, int max) { return min_bottoms = min, max_bottoms = max, *this; }
  Contract& tops(int n) { return tops(n, n); }
  Contract& tops(int min, int max) { return min_tops = min, max_tops = max, *this; }
  Contract& makes_tops(int n) { return made_tops = n, *this; }
  Contract& is_loss() { return min_tops = 0, made_tops = 1, loss_weight = 1, *this; }
  Contract& no_backward() { return has_backward = false, no_gradient = Indices::all(), *this; }
  Contract& no_gradient_to(Indices bottoms) { return no_gradient = bottoms, *this; }
  Contract& shape_from(Indices bottoms) { return shape_only = bottoms, *this; }
  Contract& no_gradient_from(Indices tops) { return no_gradient_tops = tops, *this; }
  Contract& reads_bottom_data(Indices which = {0}) { return bottom_data_read = which, *this; }
  Contract& reads_top_data(Indices which = {0}) { return top_data_read = which, *this; }
  Contract& in_place(int bottom = 0, int top = 0) { return same_memory.emplace_back(bottom, top), *this; }
  Contract& view(int bottom = 0, int top = 0) { return views.emplace_back(bottom, top), *this; }
  Contract& diff_views() { return view_diffs = true, *this; }
  Contract& pinned() { return keeps_tops = true, *this; }
  Contract& sized_in_forward() { return resizes_tops = true, *this; }
};

}  // namespace crema

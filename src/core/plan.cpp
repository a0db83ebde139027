#include "core/plan.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace crema {
namespace {

struct Life {
  int first = std::numeric_limits<int>::max(), last = -1;
  long size = 0;
  bool pinned = false;

  bool meets(const Life& other) const { return first <= other.last && other.first <= last; }
  void merge(const Life& other) {
    first = std::min(first, other.first);
    last = std::max(last, other.last);
    size = std::max(size, other.size);
    pinned = pinned || other.pinned;
  }
};

// Buffers that share memory, as disjoint sets. A set's life is the union of its members' lives.
class Groups {
 public:
  explicit Groups(const StepList& list) : parent_(list.buffers.size()), life_(list.buffers.size()) {
    std::iota(parent_.begin(), parent_.end(), 0);
    for (size_t b = 0; b < list.buffers.size(); ++b) {
      life_[b].size = list.buffers[b].size;
      life_[b].pinned = list.buffers[b].pinned;
    }
    for (size_t s = 0; s < list.steps.size(); ++s) {
      for (const int b : list.steps[s].reads) touch(b, static_cast<int>(s));
      for (const int b : list.steps[s].writes) touch(b, static_cast<int>(s));
    }
  }

  int find(int b) const {
    while (parent_[b] != b) b = parent_[b];
    return b;
  }
  const Life& life(int group) const { return life_[group]; }

  void share(const Sharing& s, bool backward) {
    const int from = find(s.from), to = find(s.to);
    if (from == to || life(from).size != life(to).size || life(to).first < s.step) return;
    // A view of data leaves both buffers readable: nothing writes to either until neither is needed any more, as the
    // next check ensures. Every other sharing overwrites `from`, which must then not be read after this step.
    const bool overwrites = backward || !s.view;
    if (overwrites && (life(from).pinned || life(from).last > s.step)) return;
    if (backward && s.view && life(to).pinned) return;
    life_[from].merge(life(to));
    parent_[to] = from;
  }

 private:
  void touch(int b, int step) {
    Life& life = life_[b];
    life.first = std::min(life.first, step);
    life.last = std::max(life.last, step);
  }

  std::vector<int> parent_;
  std::vector<Life> life_;
};

struct Placed {
  Life life;
  long offset;
};

// The lowest offset at which `life` overlaps no placed buffer. `placed` is sorted by offset.
long lowest_gap(const std::vector<Placed>& placed, const Life& life) {
  long offset = 0;
  for (const Placed& p : placed) {
    if (!p.life.meets(life)) continue;
    if (offset + life.size <= p.offset) break;
    offset = std::max(offset, p.offset + p.life.size);
  }
  return offset;
}

constexpr long kAlign = 16;  // elements: 64 bytes of floats

}  // namespace

Plan plan_memory(const StepList& list) {
  Groups groups(list);
  for (const Sharing& s : list.sharings) groups.share(s, list.steps[s.step].kind == Step::backward);

  std::vector<int> order;
  for (int b = 0; b < static_cast<int>(list.buffers.size()); ++b) {
    if (groups.find(b) == b && !groups.life(b).pinned) order.push_back(b);
  }
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return groups.life(a).size > groups.life(b).size; });

  Plan plan;
  plan.offset.assign(list.buffers.size(), Plan::kPinned);
  std::vector<Placed> placed;
  for (const int b : order) {
    Life life = groups.life(b);
    life.size = (life.size + kAlign - 1) / kAlign * kAlign;
    const long offset = lowest_gap(placed, life);
    const auto at =
        std::lower_bound(placed.begin(), placed.end(), offset, [](const Placed& p, long o) { return p.offset < o; });
    placed.insert(at, {life, offset});
    plan.offset[b] = offset;
    plan.size = std::max(plan.size, offset + life.size);
  }
  for (int b = 0; b < static_cast<int>(list.buffers.size()); ++b) {
    plan.group.push_back(groups.find(b));
    plan.offset[b] = plan.offset[groups.find(b)];
  }
  return plan;
}

}  // namespace crema

#include "core/recompute.h"

#include <numeric>

namespace crema {
namespace {

class Recompute {
 public:
  Recompute(const std::vector<bool>& again, StepList* list)
      : again_(again),
        list_(*list),
        old_(std::move(list->steps)),
        sharings_(old_.size()),
        writer_(list->buffers.size(), -1) {
    for (const Sharing& sharing : list_.sharings) sharings_[sharing.step].push_back(sharing);
    for (int s = 0; s < list_.backward_begin; ++s) {
      for (const int b : old_[s].writes) writer_[b] = s;
    }
    list_.steps.clear();
    list_.sharings.clear();
    list_.in_backward.resize(list_.buffers.size());
    std::iota(list_.in_backward.begin(), list_.in_backward.end(), 0);
  }

  void run() {
    const size_t count = old_.size();
    for (size_t s = 0; s < count; ++s) {
      Step step = old_[s];
      if (static_cast<int>(s) >= list_.backward_begin) {
        for (int& b : step.reads) b = in_backward(b, step.layer);
      }
      push(std::move(step), s);
    }
  }

 private:
  // Whether forward step s runs again; otherwise the values that it writes are kept.
  bool repeats(int s) const {
    const Step& step = old_[s];
    if (step.kind == Step::reorder) return is_made_again(step.from);
    // A view exists as long as the values that it views, and takes no memory.
    for (const Sharing& sharing : sharings_[s]) {
      if (sharing.view) return is_made_again(sharing.from);
    }
    return again_[step.layer];
  }

  bool is_made_again(int b) const { return !list_.buffers[b].pinned && writer_[b] >= 0 && repeats(writer_[b]); }

  // The buffer that holds in backward what b held in forward. Inserts the steps that fill it, if necessary.
  int in_backward(int b, int layer) {
    if (list_.in_backward[b] == b && is_made_again(b)) replay(writer_[b], layer);
    return list_.in_backward[b];
  }

  void replay(int s, int layer) {
    Step step = old_[s];
    step.replay = true;
    step.needed_by = layer;
    for (int& b : step.reads) b = in_backward(b, layer);
    for (int& b : step.writes) {
      const int copy = copy_of(b);
      list_.in_backward[b] = copy;
      b = copy;
    }
    push(std::move(step), static_cast<size_t>(s));
  }

  // Pinned buffers are written again in place, with the same numbers.
  int copy_of(int b) {
    BufferInfo info = list_.buffers[b];
    if (info.pinned) return b;
    info.name += " again";
    list_.buffers.push_back(std::move(info));
    const int copy = static_cast<int>(list_.buffers.size()) - 1;
    list_.in_backward.push_back(copy);
    writer_.push_back(-1);
    return copy;
  }

  // Appends the old step s, with the buffers that it may share at its new place.
  void push(Step step, size_t s) {
    const auto now = [&](int b) { return step.replay ? list_.in_backward[b] : b; };
    for (int* b : {&step.from, &step.to, &step.room}) {
      if (*b >= 0) *b = now(*b);
    }
    const int at = static_cast<int>(list_.steps.size());
    for (const Sharing& sharing : sharings_[s]) {
      list_.sharings.push_back({at, now(sharing.from), now(sharing.to), sharing.view});
    }
    list_.steps.push_back(std::move(step));
  }

  const std::vector<bool>& again_;
  StepList& list_;
  const std::vector<Step> old_;
  std::vector<std::vector<Sharing>> sharings_;  // by old step
  std::vector<int> writer_;                     // per buffer: the old step of forward that writes it, -1 if none
};

}  // namespace

void recompute(const std::vector<bool>& again, StepList* list) { Recompute(again, list).run(); }

}  // namespace crema

// Net: running steps, and what the caller reads and writes between runs.
#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "base/parallel.h"
#include "core/net.h"
#include "math/loops.h"
#include "math/workspace.h"

namespace crema {
namespace {

double mean_abs(const real* x, long storage, long count) {
  if (x == nullptr || count == 0) return 0;
  return parallel_sum(storage, 1, [x](long i) { return std::abs(x[i]); }) / static_cast<double>(count);
}

void fill(real* to, long n, real constant) {
  for_elements(n, 1, [=](long i) { to[i] = constant; });
}

void add(const real* from, real* to, long n) {
  for_elements(n, 1, [=](long i) { to[i] += from[i]; });
}

}  // namespace

void Net::begin_pass() {
  if (!pass_.replay) pass_.number = passes_++;
  position_ = 0;
}

real Net::forward() {
  check_ready();
  begin_pass();
  run_range(0, steps_.backward_begin);
  return loss(0, layers() - 1);
}

void Net::backward() {
  check_backward();
  check_start(steps_.backward_begin);
  run_range(steps_.backward_begin, steps_.steps.size());
  if (debug_) debug_parameters();
}

real Net::forward(int first, int last) {
  check_range(first, last);
  const auto start = steps_.steps.begin(), stop = start + steps_.backward_begin;
  const auto begin = std::find_if(start, stop, [&](const Step& s) { return s.layer >= first; });
  const auto end = std::find_if(begin, stop, [&](const Step& s) { return s.layer > last; });
  if (first == 0) {
    check_ready();
    begin_pass();
  } else {
    check_start(begin - start);
  }
  run_range(begin - start, end - start);
  return loss(first, last);
}

void Net::backward(int last, int first) {
  check_backward();
  check_range(first, last);
  const auto start = steps_.steps.begin(), stop = steps_.steps.end();
  const auto begin = std::find_if(start + steps_.backward_begin, stop, [&](const Step& s) { return s.turn() <= last; });
  const auto end = std::find_if(begin, stop, [&](const Step& s) { return s.turn() < first; });
  check_start(begin - start);
  run_range(begin - start, end - start);
}

void Net::check_backward() const {
  check(backward_, "the net was built for forward alone; NetOptions::backward asks for more");
}

void Net::check_range(int first, int last) const {
  check(first >= 0 && first <= last && last < layers(), "layers {} to {} are no range of the net's {}", first, last,
        layers());
}

void Net::check_ready() const {
  check(options_.memory, "the net was built without memory (NetOptions::memory = false): it has shapes alone");
  check(ready_, "the net has no memory: it could not be had again after a reshape() that failed; reshape() once more");
}

void Net::check_start(long step) const {
  check_ready();
  check(position_ != kNowhere,
        "no run has come to its end since the net was built, reshaped, or a run of it failed; start with forward()");
  check(!options_.plan || arena_->user() == this,
        "a net that shares this one's memory has run since; start with forward()");
  check(!options_.plan || step == position_,
        "the memory plan has given what this range reads to other values: go on where the last run ended, or build the "
        "net with NetOptions::plan = false");
}

void Net::run_range(long begin, long end) {
  const ThreadScope threads(options_.threads);
  const bool backward = begin >= steps_.backward_begin, rebind = backward != bound_for_backward_;
  if (arena_->version() != arena_version_ || (rebind && !steps_.in_backward.empty())) bind(backward);
  arena_->set_user(this);
  position_ = kNowhere;  // until the run ends: its steps may overwrite values that they have read
  for (long i = begin; i < end; ++i) {
    if (observer_) observer_(steps_.steps[i], false);
    const Step& step = steps_.steps[i];
    step.replay ? replay(step, reorders_[i].get()) : run(step, reorders_[i].get());
    if (observer_) observer_(steps_.steps[i], true);
  }
  position_ = end;
}

void Net::run(const Step& s, Reorder* reorder) {
  const LentMemory lent(memory_of(s.room), s.room < 0 ? 0 : steps_.buffers[s.room].size);
  switch (s.kind) {
    case Step::forward:
      return run_forward(s.layer);
    case Step::backward:
      return run_backward(s.layer);
    case Step::reorder:
      if (reorder != nullptr) return reorder->run(memory_of(s.from), memory_of(s.to));
      return copy_elements(values_[s.value]->storage(), memory_of(s.from), memory_of(s.to));
    case Step::clear:
      return fill(memory_of(s.to), values_[s.value]->storage(), static_cast<real>(s.constant));
    case Step::add:
      return add(memory_of(s.from), memory_of(s.to), values_[s.value]->storage());
  }
}

// A forward step within backward. It computes the same numbers as before, has no side effects and logs nothing.
void Net::replay(const Step& step, Reorder* reorder) {
  const std::pair before(pass_.replay, debug_);
  pass_.replay = true;
  debug_ = false;
  try {
    run(step, reorder);
  } catch (...) {
    std::tie(pass_.replay, debug_) = before;
    throw;
  }
  std::tie(pass_.replay, debug_) = before;
}

void Net::run_forward(int i) {
  if (sized_late_[i]) shape_layer(i);
  try {
    layer(i).forward(bottoms_[i], tops_[i]);
  } catch (const Error& error) {
    throw located(i, error.what(), false);
  }
  if (debug_) debug_forward(i);
  for (const int v : graph_.layers[i].tops) {
    if (graph_.values[v].readable) readable_[v]->reshape(values_[v]->shape());
  }
}

void Net::run_backward(int i) {
  try {
    layer(i).backward(tops_[i], down_[i], bottoms_[i]);
  } catch (const Error& error) {
    throw located(i, error.what(), false);
  }
  if (debug_) debug_backward(i);
}

real Net::loss(int first, int last) const {
  double sum = 0;
  for (size_t v = 0; v < graph_.values.size(); ++v) {
    const Value& value = graph_.values[v];
    if (value.loss_weight == 0 || value.layer < first || value.layer > last) continue;
    const Blob& blob = *readable_.at(static_cast<int>(v));
    sum += value.loss_weight * parallel_sum(blob.count(), 1, [x = blob.data()](long i) { return x[i]; });
  }
  return static_cast<real>(sum);
}

void Net::debug_forward(int i) const {
  const std::string& name = layer_config(i).name();
  for (size_t t = 0; t < tops_[i].size(); ++t) {
    const Blob& top = *tops_[i][t];
    CREMA_INFO("    [Forward] Layer {}, top blob {} data: {:.6g}", name, graph_.values[graph_.layers[i].tops[t]].name,
               mean_abs(top.data(), top.storage(), top.count()));
  }
  for (size_t k = 0; k < layer(i).parameters().size(); ++k) {
    const Parameter& p = layer(i).parameters()[k];
    CREMA_INFO("    [Forward] Layer {}, param blob {} data: {:.6g}", name, k, mean_abs(p.data(), p.count(), p.count()));
  }
}

void Net::debug_backward(int i) const {
  const std::string& name = layer_config(i).name();
  for (size_t b = 0; b < bottoms_[i].size(); ++b) {
    if (!takes_diff(i, static_cast<int>(b))) continue;
    const Blob& bottom = *bottoms_[i][b];
    CREMA_INFO("    [Backward] Layer {}, bottom blob {} diff: {:.6g}", name,
               graph_.values[graph_.layers[i].bottoms[b].value].name,
               mean_abs(bottom.diff(), bottom.storage(), bottom.count()));
  }
  for (size_t k = 0; k < layer(i).parameters().size(); ++k) {
    const Parameter& p = layer(i).parameters()[k];
    if (!p.learns()) continue;
    CREMA_INFO("    [Backward] Layer {}, param blob {} diff: {:.6g}", name, k,
               mean_abs(p.diff(), p.count(), p.count()));
  }
}

void Net::debug_parameters() const {
  double data_l1 = 0, data_l2 = 0, diff_l1 = 0, diff_l2 = 0;
  const auto add = [](const real* x, long n, double* l1, double* l2) {
    *l1 += parallel_sum(n, 1, [x](long i) { return std::abs(x[i]); });
    *l2 += parallel_sum(n, 1, [x](long i) { return x[i] * x[i]; });
  };
  for (const NetParameterInfo& info : parameters_) {
    const Parameter& p = *info.parameter;
    add(p.data(), p.count(), &data_l1, &data_l2);
    if (p.has_diff()) add(p.diff(), p.count(), &diff_l1, &diff_l2);
  }
  CREMA_INFO("    [Backward] All net params (data, diff): L1 norm = ({:.6g}, {:.6g}); L2 norm = ({:.6g}, {:.6g})",
             data_l1, diff_l1, std::sqrt(data_l2), std::sqrt(diff_l2));
}

}  // namespace crema

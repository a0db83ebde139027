// Net: running steps, and what the caller reads and writes between runs.
#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "base/parallel.h"
#include "config/suggest.h"
#include "core/net.h"

namespace crema {
namespace {

// Sum over a buffer in blocks of fixed size, so that the result does not depend on the number of threads.
template <typename Term>
double block_sum(long n, const Term& term) {
  constexpr long kBlock = 4096;
  const long blocks = (n + kBlock - 1) / kBlock;
  std::vector<double> partial(static_cast<size_t>(blocks));
  parallel_for(blocks, kBlock, [&](long begin, long end) {
    for (long b = begin; b < end; ++b) {
      double sum = 0;
      for (long i = b * kBlock; i < std::min(n, (b + 1) * kBlock); ++i) sum += term(i);
      partial[static_cast<size_t>(b)] = sum;
    }
  });
  double sum = 0;
  for (const double p : partial) sum += p;
  return sum;
}

double mean_abs(const real* x, long storage, long count) {
  if (x == nullptr || count == 0) return 0;
  return block_sum(storage, [x](long i) { return std::abs(static_cast<double>(x[i])); }) / static_cast<double>(count);
}

}  // namespace

void Net::begin_pass() {
  if (!pass_.replay) pass_.number = passes_++;
  position_ = 0;
}

real Net::forward() {
  begin_pass();
  run_range(0, static_cast<size_t>(steps_.backward_begin));
  return loss();
}

void Net::backward() {
  check(backward_, "the net was built for forward alone; NetOptions::backward asks for more");
  check_start(static_cast<size_t>(steps_.backward_begin));
  run_range(static_cast<size_t>(steps_.backward_begin), steps_.steps.size());
}

real Net::forward(int first, int last) {
  check(first >= 0 && first <= last && last < layers(), "layers {} to {} are no range of the net's {}", first, last,
        layers());
  const auto end_of_forward = steps_.steps.begin() + steps_.backward_begin;
  const auto begin =
      std::find_if(steps_.steps.begin(), end_of_forward, [&](const Step& s) { return s.layer >= first; });
  const auto end = std::find_if(begin, end_of_forward, [&](const Step& s) { return s.layer > last; });
  if (first == 0) {
    begin_pass();
  } else {
    check_start(static_cast<size_t>(begin - steps_.steps.begin()));
  }
  run_range(static_cast<size_t>(begin - steps_.steps.begin()), static_cast<size_t>(end - steps_.steps.begin()));
  return loss();
}

void Net::backward(int last, int first) {
  check(backward_, "the net was built for forward alone; NetOptions::backward asks for more");
  check(first >= 0 && first <= last && last < layers(), "layers {} to {} are no range of the net's {}", first, last,
        layers());
  const auto begin = std::find_if(steps_.steps.begin() + steps_.backward_begin, steps_.steps.end(),
                                  [&](const Step& s) { return s.layer <= last; });
  const auto end = std::find_if(begin, steps_.steps.end(), [&](const Step& s) { return s.layer < first; });
  check_start(static_cast<size_t>(begin - steps_.steps.begin()));
  run_range(static_cast<size_t>(begin - steps_.steps.begin()), static_cast<size_t>(end - steps_.steps.begin()));
}

void Net::check_start(size_t step) const {
  const bool all_there = !options_.plan || options_.keep_all;
  check(all_there || step == position_,
        "the memory plan has given what this range reads to other values: go on where the last run ended, or build the "
        "net with NetOptions::plan = false");
}

void Net::run_range(size_t begin, size_t end) {
  const ThreadScope threads(options_.threads);
  if (arena_->version() != arena_version_) bind();
  for (size_t i = begin; i < end; ++i) run(i);
  position_ = end;
}

void Net::run(size_t index) {
  const Step& s = steps_.steps[index];
  switch (s.kind) {
    case Step::forward:
      return run_forward(s.layer);
    case Step::backward:
      return run_backward(s.layer);
    default:
      break;
  }
  const Blob& value = *values_[static_cast<size_t>(s.value)];
  real* to = memory_of(s.to);
  const real* from = memory_of(s.from);
  if (reorders_[index] != nullptr) return reorders_[index]->run(from, to);
  const auto constant = static_cast<real>(s.constant);
  parallel_for(value.storage(), 1, [&](long begin, long end) {
    if (s.kind == Step::add) {
      for (long i = begin; i < end; ++i) to[i] += from[i];
    } else if (s.kind == Step::clear) {
      std::fill(to + begin, to + end, constant);
    } else {
      std::copy(from + begin, from + end, to + begin);
    }
  });
}

void Net::run_forward(int i) {
  if (sized_late_[static_cast<size_t>(i)]) shape_layer(i);
  try {
    layer(i).forward(bottoms_[static_cast<size_t>(i)], tops_[static_cast<size_t>(i)]);
  } catch (const Error& error) {
    throw located(i, error.what(), false);
  }
  if (config_.net.debug_info()) debug_forward(i);
  for (const int v : graph_.layers[static_cast<size_t>(i)].tops) {
    if (graph_.values[static_cast<size_t>(v)].readable) readable_[v]->reshape(values_[static_cast<size_t>(v)]->shape());
  }
}

void Net::run_backward(int i) {
  try {
    layer(i).backward(tops_[static_cast<size_t>(i)], down_[static_cast<size_t>(i)], bottoms_[static_cast<size_t>(i)]);
  } catch (const Error& error) {
    throw located(i, error.what(), false);
  }
  if (config_.net.debug_info()) debug_backward(i);
}

real Net::loss() const {
  double sum = 0;
  for (size_t v = 0; v < graph_.values.size(); ++v) {
    const float weight = graph_.values[v].loss_weight;
    if (weight == 0) continue;
    const Blob& blob = *readable_.at(static_cast<int>(v));
    const real* x = blob.data();
    sum += weight * block_sum(blob.count(), [x](long i) { return static_cast<double>(x[i]); });
  }
  return static_cast<real>(sum);
}

void Net::debug_forward(int i) const {
  const auto index = static_cast<size_t>(i);
  const std::string& name = layer_config(i).name();
  for (size_t t = 0; t < tops_[index].size(); ++t) {
    const Blob& top = *tops_[index][t];
    CREMA_INFO("    [Forward] Layer {}, top blob {} data: {:.6g}", name,
               graph_.values[static_cast<size_t>(graph_.layers[index].tops[t])].name,
               mean_abs(top.data(), top.storage(), top.count()));
  }
  for (size_t k = 0; k < layer(i).parameters().size(); ++k) {
    const Parameter& p = layer(i).parameters()[k];
    CREMA_INFO("    [Forward] Layer {}, param blob {} data: {:.6g}", name, k, mean_abs(p.data(), p.count(), p.count()));
  }
}

void Net::debug_backward(int i) const {
  const auto index = static_cast<size_t>(i);
  const std::string& name = layer_config(i).name();
  for (size_t b = 0; b < bottoms_[index].size(); ++b) {
    if (!takes_diff(i, static_cast<int>(b))) continue;
    const Blob& bottom = *bottoms_[index][b];
    CREMA_INFO("    [Backward] Layer {}, bottom blob {} diff: {:.6g}", name,
               graph_.values[static_cast<size_t>(graph_.layers[index].bottoms[b].value)].name,
               mean_abs(bottom.diff(), bottom.storage(), bottom.count()));
  }
  for (size_t k = 0; k < layer(i).parameters().size(); ++k) {
    const Parameter& p = layer(i).parameters()[k];
    if (!p.learns()) continue;
    CREMA_INFO("    [Backward] Layer {}, param blob {} diff: {:.6g}", name, k,
               mean_abs(p.diff(), p.count(), p.count()));
  }
}

}  // namespace crema

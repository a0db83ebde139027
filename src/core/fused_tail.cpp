#include "core/fused_tail.h"

#include <algorithm>

namespace crema {

bool FusedTail::take(Layer& next, const Bottoms& others) {
  const Epilogue epilogue = next.epilogue();
  switch (epilogue.kind) {
    case Epilogue::none:
      return false;
    case Epilogue::affine:
      if (finish_ || !others.empty()) return false;
      affine_.push_back(&next);
      return true;
    case Epilogue::add:
      if (finish_ || others.size() != 1) return false;
      finish_.add = true;
      other_ = others[0];
      return true;
    case Epilogue::relu:
      if (finish_.relu) return false;
      finish_.relu = true;
      finish_.slope = epilogue.slope;
      return true;
  }
  return false;
}

FusedTail::Weights FusedTail::weights(const std::vector<Parameter>& own, bool transposed) {
  if (!has_affine()) return {own[0].data(), own[0].version(), own.size() > 1 ? own[1].data() : nullptr};
  if (changed(own)) {
    derive(own, transposed);
    ++version_;
  }
  return {weights_.data(), version_, bias_.data()};
}

// Notes the current versions of the parameters.
bool FusedTail::changed(const std::vector<Parameter>& own) {
  size_t count = 0;
  bool changed = false;
  const auto visit = [&](const Parameter& parameter) {
    const Source now{parameter.data(), parameter.version()};
    if (count == sources_.size()) sources_.emplace_back();
    changed = changed || sources_[count] != now;
    sources_[count++] = now;
  };
  for (const Parameter& parameter : own) visit(parameter);
  for (const Layer* map : affine_) {
    for (const Parameter& parameter : map->parameters()) visit(parameter);
  }
  return changed;
}

// w'[o] = a[o] w[o],  b'[o] = a[o] b[o] + shift[o]  for the maps' product a x + shift.
void FusedTail::derive(const std::vector<Parameter>& own, bool transposed) {
  const Parameter& w = own[0];
  const long outputs = w.shape()[transposed ? w.shape().axes() - 1 : 0], inputs = w.count() / std::max(1L, outputs);
  const auto n = static_cast<size_t>(outputs);
  factor_.assign(n, 1);
  bias_.assign(n, 0);
  if (own.size() > 1) bias_.assign(own[1].data(), own[1].data() + outputs);
  std::vector<real> a(n), b(n);
  for (const Layer* map : affine_) {
    map->affine_factors(a.data(), b.data());
    for (size_t o = 0; o < n; ++o) {
      factor_[o] *= a[o];
      bias_[o] = a[o] * bias_[o] + b[o];
    }
  }
  weights_.grow(w.count());
  const AxisSplit split = transposed ? AxisSplit({inputs, outputs}, 1) : AxisSplit({outputs, inputs}, 0);
  const real *from = w.data(), *factor = factor_.data();
  real* to = weights_.data();
  for_channels(split, 1, [=](long o, long i) { to[i] = factor[o] * from[i]; });
}

}  // namespace crema

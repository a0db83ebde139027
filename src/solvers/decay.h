// Weight decay, inlined into the loop of every update rule.
//
//             gradient that the rule sees      weight that the rule's step is taken from
//   l2        s g + lambda w                   w
//   l1        s g + lambda sign(w)             w
//   l2 decoupled        s g                    (1 - alpha lambda) w
//   l1 decoupled        s g                    w - alpha lambda sign(w)
//
// with s the scale of the summed gradient. Decoupled: Loshchilov and Hutter, 2019, arXiv:1711.05101.
#pragma once

#include "math/loops.h"
#include "math/real.h"

namespace crema {

enum class Decay { l2, l1, decoupled_l2, decoupled_l1 };

namespace decay {

inline real sign(real w) { return static_cast<real>(w > 0) - static_cast<real>(w < 0); }

struct L2 {
  real scale, lambda;
  real gradient(real g, real w) const { return scale * g + lambda * w; }
  real shrink(real w) const { return w; }
};

struct L1 {
  real scale, lambda;
  real gradient(real g, real w) const { return scale * g + lambda * sign(w); }
  real shrink(real w) const { return w; }
};

struct DecoupledL2 {
  real scale, alpha_lambda;
  real gradient(real g, real) const { return scale * g; }
  real shrink(real w) const { return (1 - alpha_lambda) * w; }
};

struct DecoupledL1 {
  real scale, alpha_lambda;
  real gradient(real g, real) const { return scale * g; }
  real shrink(real w) const { return w - alpha_lambda * sign(w); }
};

}  // namespace decay

// f(decay), with `decay` that of an Update, one of the kinds above.
template <typename U, typename F>
auto with_decay(const U& u, const F& f) {
  switch (u.decay_kind) {
    case Decay::l2:
      return f(decay::L2{u.gradient_scale, u.decay});
    case Decay::l1:
      return f(decay::L1{u.gradient_scale, u.decay});
    case Decay::decoupled_l2:
      return f(decay::DecoupledL2{u.gradient_scale, u.rate * u.decay});
    case Decay::decoupled_l1:
      break;
  }
  return f(decay::DecoupledL1{u.gradient_scale, u.rate * u.decay});
}

// Calls body(decay, i) for each element i.
template <typename U, typename Body>
void for_each_element(const U& u, const Body& body) {
  with_decay(u, [&](const auto& kind) { for_elements(u.count, 8, [kind, body](long i) { body(kind, i); }); });
}

// The sum of term(decay, i) over all elements, the same on any number of threads.
template <typename U, typename Term>
double sum_over_elements(const U& u, const Term& term) {
  return with_decay(u,
                    [&](const auto& kind) { return parallel_sum(u.count, 4, [&](long i) { return term(kind, i); }); });
}

}  // namespace crema

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

template <typename Kind, typename Body>
void loop(const Kind& kind, long count, const Body& body) {
  for_elements(count, 8, [kind, body](long i) { body(kind, i); });
}

}  // namespace decay

// Calls body(decay, i) for each element i of an Update, with `decay` one of the kinds above.
template <typename U, typename Body>
void for_each_element(const U& u, const Body& body) {
  switch (u.decay_kind) {
    case Decay::l2:
      return decay::loop(decay::L2{u.gradient_scale, u.decay}, u.count, body);
    case Decay::l1:
      return decay::loop(decay::L1{u.gradient_scale, u.decay}, u.count, body);
    case Decay::decoupled_l2:
      return decay::loop(decay::DecoupledL2{u.gradient_scale, u.rate * u.decay}, u.count, body);
    case Decay::decoupled_l1:
      return decay::loop(decay::DecoupledL1{u.gradient_scale, u.rate * u.decay}, u.count, body);
  }
}

}  // namespace crema

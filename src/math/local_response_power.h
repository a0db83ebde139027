// s^-beta, as local response normalization needs it. Internal to it.
#pragma once

#include <cmath>

#include "math/real.h"

namespace crema::local_response_detail {

// s^-beta, and s^-1 beside it, which the gradient needs too.
struct PowerAndInverse {
  real power, inverse;
};

// 3/4, the usual exponent, by roots.
struct ByRoots {
  real operator()(real s) const {
    const real root = std::sqrt(s);
    return 1 / (root * std::sqrt(root));
  }
  PowerAndInverse both(real s) const {
    const real inverse = 1 / s, root = std::sqrt(inverse);
    return {root * std::sqrt(root), inverse};
  }
};

struct ByPower {
  real beta;
  real operator()(real s) const { return std::pow(s, -beta); }
  PowerAndInverse both(real s) const { return {(*this)(s), 1 / s}; }
};

template <typename Body>
void with_power(real beta, const Body& body) {
  if (beta == static_cast<real>(0.75)) {
    body(ByRoots());
  } else {
    body(ByPower{beta});
  }
}

}  // namespace crema::local_response_detail

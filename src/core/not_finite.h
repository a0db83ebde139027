// Finds the first number in a net that is not finite, by repeating a pass and looking at every value after each step.
#pragma once

#include <optional>
#include <string>

#include "core/net.h"

namespace crema {

struct NotFinite {
  enum Where { parameter, data, blob, gradient };  // data: a blob of a layer that reads nothing
  Where where;
  std::string layer;  // the name of the layer it belongs to
  std::string what;   // for a sentence: "parameter 0 of layer "conv1" is nan at element 12 of 500"
};

// Runs the net's last pass again, on the same minibatch, with the same random numbers and without side effects on
// statistics and positions, and looks at parameters before and at blobs after each step. Returns the first number that
// is not finite, if there is one. Afterwards the parameters' diffs are no longer those of the pass.
std::optional<NotFinite> find_not_finite(Net& net);

}  // namespace crema

// How many of its sources' records a net has seen.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/net.h"

namespace crema {

// The sizes of the sources that a net's data layers read one after the other.
class SourceSizes {
 public:
  // Opens each source and closes it again. Sources that cannot be opened have no size; Net will report them.
  explicit SourceSizes(const NetConfig& config);

  // For each of these layers: `Layer "data" gave 5000 of 10000 records (50 %)`.
  std::vector<std::string> seen(const Net& net) const;

 private:
  std::map<std::string, uint64_t> sizes_;  // by the layer's name
};

}  // namespace crema

// Data from the program: what a layer of type MemoryData reads.
#pragma once

#include <string>
#include <vector>

namespace crema {

class Net;

// A layer that takes its records from memory.
class Fed {
 public:
  virtual ~Fed() = default;
  virtual void feed(std::vector<float> data, std::vector<float> labels) = 0;
};

// Gives a layer of the net the records that it reads from now on, from the first one: a whole number of its batches, in
// row-major order, with a label for each record (none for a layer without a top for them). After the last record the
// first one follows. After Net::restore_progress() the first call continues at the restored position. Throws Error if
// the number of values does not fit, and for a layer that takes no data from memory.
void feed(Net& net, const std::string& layer, std::vector<float> data, std::vector<float> labels = {});

}  // namespace crema

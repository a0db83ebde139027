// What `crema time` reports for each layer.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "stand_in.h"
#include "timing.h"

namespace crema {

// One direction of a layer.
struct PassCost {
  double ms = 0, multiply_adds = 0;
  long bytes = 0;  // of the blobs and parameters that it reads or writes, each once

  double gflops() const { return ms > 0 ? 2 * multiply_adds / ms / 1e6 : 0; }
  double gigabytes() const { return ms > 0 ? static_cast<double>(bytes) / ms / 1e6 : 0; }
};

struct ReorderCost {
  bool forward;
  std::string from, to, from_layout, to_layout;  // buffers
  double ms;
};

struct BlobReport {
  std::string name;
  Shape shape;
  std::string layout;  // as the layer takes or gives it
};

struct LayerReport {
  std::string name, type, implementation, backward_implementation;  // "" where no backward runs
  std::vector<BlobReport> bottoms, tops;
  long parameters, parameter_bytes, blob_bytes;  // bytes with gradients; blobs: the layer's tops
  PassCost forward, backward;
  double again_ms;  // of its tops, within backward (recompute)
  double sums_ms;   // clearing and adding up of diffs
  std::vector<ReorderCost> reorders;

  double ms() const;  // all of the above
};

struct TimeReport {
  std::string name, file, phase, engine, precision;
  int threads;
  long parameters;
  NetMemory memory;
  long peak_bytes = 0;                                 // of the process, beyond what it took before the net was made
  std::map<std::string, StandIns::Replaced> replaced;  // data layers whose data are random numbers instead
  Timing timing;
  std::vector<LayerReport> layers;

  double ms() const;  // sum over the layers
};

TimeReport report(Net& net, const Timing& timing);

std::string as_text(const TimeReport& report);
nlohmann::ordered_json as_json(const TimeReport& report);

}  // namespace crema

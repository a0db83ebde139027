// The wiring of a net: names become values. Each value knows the layer that writes it, its readers, and which of them
// send a gradient back. Nothing here knows shapes or memory.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/net_config.h"
#include "core/contract.h"

namespace crema {

// What one layer writes under one name. A layer that names its bottom as its top ("in place") makes a new value under
// the old name, so that a value has exactly one producer.
struct Value {
  std::string name;
  int layer;                                 // producer
  int top;                                   // which of its tops
  std::vector<std::pair<int, int>> readers;  // (layer, bottom), in forward order
  float loss_weight = 0;
  bool needs_diff = false;  // something that learns lies below
  bool fed = false;         // the caller sets a diff (NetOptions::output_diffs)
  bool readable = false;    // outputs, losses, inputs, kept ones: can be read after forward
};

struct Use {
  int value;
  bool diff = false;  // backward of the reader makes a partial diff for it
};

struct GraphLayer {
  std::vector<Use> bottoms;
  std::vector<int> tops;
  bool backward = false;  // takes part in backward

  // Fusion. The top of a layer with `absorbed` ones is the last one's top.
  std::vector<int> absorbed;       // layers whose work this one does; each is the only reader of the one before it
  int absorbed_by = -1;            // the layer whose forward step does this one's work
  bool absorbed_backward = false;  // and its backward step, too
};

struct Graph {
  std::vector<Value> values;
  std::vector<GraphLayer> layers;

  // The last value of that name, -1 if there is none.
  int find(const std::string& name) const;

  // The value that the forward (backward) step of a layer with one top writes (takes the diff of).
  int last_value(int layer, bool backward) const;
};

// Resolves names and checks counts. Errors carry file, line and layer: a bottom that no layer makes (with the nearest
// name), a top that exists already, wrong counts of bottoms, tops, loss weights or propagate_down.
Graph connect(const NetConfig& config, const std::vector<Contract>& contracts);

// All faults that connect() would report, in one pass. A faulty layer is left out, and so are the layers that read a
// top of a layer that was left out.
struct LayerFault {
  int layer;
  std::string message;
  bool left_out = false;  // a bottom is made only by layers that the filter left out
};
std::vector<LayerFault> connection_faults(const NetConfig& config, const std::vector<Contract>& contracts);

// Decides which layers run backward and which uses carry a diff: gradients flow from losses and fed values to
// parameters that learn (learns[i]: layer i has one), as far as contracts, propagate_down and force_backward allow.
// Throws Error for a gradient into a bottom that takes none. The gradient of a bottom that is read for its shape alone
// is zero; it is written only if propagate_down or force_backward asks for it.
void mark_gradients(const NetConfig& config, const std::vector<Contract>& contracts, const std::vector<bool>& learns,
                    Graph* graph);

// "file:line: layer "conv1" (Convolution): ".
std::string where(const NetConfig& config, int layer);

}  // namespace crema

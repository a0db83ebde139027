// A net's forward and backward pass as a list of steps over buffers. The list is the one place that knows the order of
// work; the memory plan, debugging, timing and partial runs are views of it.
#pragma once

#include <string>
#include <vector>

#include "core/contract.h"
#include "core/graph.h"
#include "math/layout.h"

namespace crema {

struct BufferInfo {
  std::string name;   // for reports: "conv1", "conv1.diff", "conv1 as nChw16c", ...
  long size;          // elements, a layout's padding included
  bool pinned;        // never shared: read or written by the caller, or kept from pass to pass
  bool room = false;  // what a step needs while it runs (Step::room), not a blob
};

struct Step {
  enum Kind {
    reorder,   // to = from, in another layout or (the first part of a diff) in the same
    forward,   // of `layer`
    clear,     // to = constant
    backward,  // of `layer`
    add,       // to += from
  };
  Kind kind;
  int layer;       // that the step belongs to
  int value = -1;  // that is moved, cleared or summed
  int from = -1, to = -1;
  int room = -1;  // a buffer that is lent to the step (math/workspace.h)
  float constant = 0;
  Layout from_layout = Layout::plain, to_layout = Layout::plain;
  std::vector<int> reads, writes;  // all buffers that the step touches
  bool replay = false;             // a step of forward that runs again within backward (recompute.h),
  int needed_by = -1;              // for this layer's backward

  // The layer that the step runs for.
  int turn() const { return replay ? needed_by : layer; }
};

// Two buffers that may share memory, if the memory plan finds it safe.
struct Sharing {
  int step;
  int from, to;
  bool view;  // to holds from's elements, and both stay readable; else `to` overwrites `from` elementwise
};

struct StepList {
  std::vector<Step> steps;
  int backward_begin = 0;  // index of the first step of backward; steps.size() without backward
  std::vector<BufferInfo> buffers;
  std::vector<Sharing> sharings;

  // The buffer of each value; -1 where it has none.
  std::vector<int> value_data, value_diff;           // per value, in the producer's layout
  std::vector<int> readable_data;                    // per value that the caller reads, in plain layout
  std::vector<int> fed_diff;                         // per value whose diff the caller sets
  std::vector<std::vector<int>> use_data, use_diff;  // per layer and bottom, in the layout that was taken
  // Per buffer: the buffer that holds the same numbers in backward. It is another one if the numbers are computed
  // again. Empty if no layer is recomputed.
  std::vector<int> in_backward;
};

// What compile_steps() must know about values, uses and layers besides the graph.
struct Layouts {
  std::vector<Shape> shapes;               // per value
  std::vector<Layout> produced;            // per value
  std::vector<std::vector<Layout>> taken;  // per layer and bottom
  // Per layer: elements that its steps need while they run. Empty: no memory is lent.
  std::vector<long> forward_room, backward_room;
};

// With backward = false the list ends after forward.
StepList compile_steps(const Graph& graph, const std::vector<Contract>& contracts, const Layouts& layouts,
                       bool backward);

// A line for each step: "forward conv1: data -> conv1".
std::string steps_text(const StepList& list, const std::vector<std::string>& layer_names);

}  // namespace crema

// Net: layers wired by blob names, with their parameters and their memory.
//
// Construction takes these steps in order: layers are created and connected (graph.h), shapes and layouts are settled
// by the layers' reshape(), the work of a forward and a backward pass becomes a list of steps (steps.h), and the memory
// plan gives each buffer its place (plan.h). forward() and backward() then only run steps.
//
// Everything here throws Error for what a user can cause, with file, line and layer in front.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/net_config.h"
#include "core/arena.h"
#include "core/graph.h"
#include "core/layer.h"
#include "core/plan.h"
#include "core/steps.h"
#include "math/reorder.h"

namespace crema {

class Net;

// The engine that this build has: onednn, or plain where oneDNN was left out.
Engine default_engine();
const char* engine_name(Engine engine);  // as --engine takes it

struct NetOptions {
  uint64_t seed = 1;  // key of every random number of the net
  int threads = 0;    // 0: what OpenMP would use
  Engine engine = default_engine();
  std::optional<bool> backward{};  // whether backward() will be called; default: in phase TRAIN, or with output_diffs
  bool plan = true;                // false: every buffer has memory of its own, filled with NaN at first
  // Whether a layer may also do the next layer's work in the same pass, if no other layer reads the values between
  // them.
  bool fuse = true;
  Precision precision = Precision::f32;      // of the engine's products
  std::shared_ptr<Algorithms> algorithms{};  // measured choices for convolutions; null: direct ones alone
  bool memory = true;                        // false: shapes, steps and plan alone; forward and backward refuse to run
  bool keep_all = false;  // values that can be read after forward(), beside the net's outputs and inputs
  std::vector<std::string> keep{};
  std::vector<std::string> output_diffs{};  // values whose diff the caller sets by output_diff() before backward()
  Net* partner = nullptr;  // the net whose parameters (by layer name) and arena this one shares: a test net's train net
};

// A parameter that a solver updates: shared ones appear once. Net owns the handle.
struct NetParameterInfo {
  Parameter* parameter;
  std::string layer;  // that owns it
  int index;          // in the layer
  float lr_mult, decay_mult;
};

struct NetOutput {
  std::string name;
  const Blob* blob;   // plain layout, readable after forward()
  float loss_weight;  // 0: not a part of the loss
};

// The blobs' memory, the parameters', and what layers need for themselves.
struct NetMemory {
  long planned, pinned;  // bytes: the shared arena, and what is never shared
  long unplanned;        // bytes that the same buffers take with memory of their own
  long parameters;       // bytes of data and diff
  long kept;             // by layers: a pooling's winners, a loss's probabilities, reordered weights
  long passing;          // the largest amount that one layer takes while it runs
};

class Net {
 public:
  // `config` is filtered; its phase is config.net.state().phase().
  Net(NetConfig config, const NetOptions& options);
  ~Net();
  Net(const Net&) = delete;
  Net& operator=(const Net&) = delete;

  const std::string& name() const { return config_.net.name(); }
  Phase phase() const { return config_.net.state().phase(); }
  const NetConfig& config() const { return config_; }
  uint64_t seed() const { return options_.seed; }

  // One forward pass over a new minibatch; returns the loss: the sum over all values of loss_weight * sum(data).
  real forward();
  // The gradient of that loss. Diffs of parameters accumulate until Parameter::forget_diff().
  void backward();
  // The same for the layers `first` to `last` (both included; backward runs from `last` down to `first`); the loss is
  // that of these layers. A range continues where the previous run ended, or starts at an end of the net. Any other
  // start needs plan = false: under the memory plan, other values, or a net that shares the arena, may have overwritten
  // the values before it. After a run that failed, and after reshape(), a run starts at the first layer.
  real forward(int first, int last);
  void backward(int last, int first);

  // New shapes for Input tops by name; every layer is reshaped. Afterwards write the inputs' data anew and call
  // forward() before backward(). If reshape() fails (no input of that name, a shape that a layer refuses, not enough
  // memory), the net keeps its old shapes and its inputs' data, and nothing changes for nets that share its memory.
  void reshape(const std::map<std::string, Shape>& inputs);

  // The data of an Input's top, to be written before forward().
  Blob& input(const std::string& name);
  std::vector<std::string> inputs() const;
  // Tops that no layer reads, in the order of their layers.
  const std::vector<NetOutput>& outputs() const { return outputs_; }
  // A value by its name (the last one of that name), in plain layout. Throws if it is not kept.
  const Blob& value(const std::string& name) const;
  // The diff of an output named in NetOptions::output_diffs, to be written before backward().
  Blob& output_diff(const std::string& name);

  int layers() const { return static_cast<int>(layers_.size()); }
  Layer& layer(int i) { return *layers_[i]; }
  const Layer& layer(int i) const { return *layers_[i]; }
  const LayerParameter& layer_config(int i) const { return config_.net.layer(i); }
  int layer_index(const std::string& name) const;  // throws Error if there is none
  const Bottoms& bottoms(int layer) const { return bottoms_[layer]; }
  const Tops& tops(int layer) const { return tops_[layer]; }
  // The names of a layer's bottom and top blobs, as in the text.
  const std::string& bottom_name(int layer, int bottom) const;
  const std::string& top_name(int layer, int top) const;
  const StepList& steps() const { return steps_; }
  bool runs_backward(int layer) const { return graph_.layers[layer].backward; }
  bool takes_diff(int layer, int bottom) const;
  // absorbed(): the layers whose work this one does in its own steps (Layer::absorb), in order. absorbed_by(): the
  // layer that does this layer's work; -1 if this layer has its own steps.
  const std::vector<int>& absorbed(int layer) const { return graph_.layers[layer].absorbed; }
  int absorbed_by(int layer) const { return graph_.layers[layer].absorbed_by; }
  bool absorbed_backward(int layer) const { return graph_.layers[layer].absorbed_backward; }
  // Records of a minibatch: the records in the first top of the first layer without bottoms (usually a data layer); 0
  // if unknown.
  long batch_size() const;
  bool has_loss() const;                           // whether any value has a loss weight
  bool has_backward() const { return backward_; }  // whether backward() may be called

  std::vector<NetParameterInfo>& parameters() { return parameters_; }

  uint64_t passes() const { return passes_; }  // forward passes begun so far
  void set_passes(uint64_t passes) { passes_ = passes; }
  // Whether each layer's step logs mean absolute values. It does in any case if the net's own debug_info is set.
  void set_debug_info(bool debug) { debug_ = debug || config_.net.debug_info(); }
  void set_replay(bool replay) { pass_.replay = replay; }  // repeat the last pass: same numbers, no side effects
  // Called before and after each step that runs: for timing, and for looking at values that are not kept.
  using Observer = std::function<void(const Step& step, bool done)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }

  void save_progress(NetProgress* progress) const;
  void restore_progress(const NetProgress& progress);  // layers that it does not name keep their position
  // The progress that a net would save after so many passes: each layer that reads data has consumed one batch in each
  // pass.
  NetProgress progress_after(uint64_t passes) const;

  NetMemory memory() const;  // the memory that the net takes, or would take with NetOptions::memory
  bool has_memory() const { return options_.memory; }
  std::string steps_text() const;  // the step list, a line each
  // Multi-line table of layers with tops and shapes, as the tool prints it at the start.
  std::string summary() const;

 private:
  // Construction (net.cpp, net_fusion.cpp, net_parameters.cpp).
  void create_layers();
  void connect_layers();
  void mark_readable();
  void mark_sized_late();
  void tell_layers();
  void fuse_layers();
  int fusible_after(int layer, int value) const;
  void absorb_after(int layer);
  void lay_out_absorbed(int layer);
  void shape_layers();
  void shape_layer(int layer);
  void set_up_parameters();
  void check_param_entries(int layer) const;
  void check_names() const;
  bool has_progress(int layer) const;
  bool adopt(int layer, int index);
  void fill_own(int layer, int index);
  struct Shared;
  void share(int index, const ParamSpec& spec, Parameter* mine, Shared* shared);
  void direct_gradients();
  void compile();
  std::vector<Buffer> allocate(const StepList& steps, const Plan& plan);
  void take_back(const std::map<std::string, Shape>& inputs);
  void list_outputs();
  void bind(bool backward);
  std::vector<bool> recomputed() const;
  int readable_diff(int value) const;
  real* memory_of(int buffer);

  // Running (net_run.cpp).
  void begin_pass();
  void run_range(long begin, long end);
  void run(const Step& step, Reorder* reorder);
  void replay(const Step& step, Reorder* reorder);
  void run_forward(int layer);
  void run_backward(int layer);
  real loss(int first, int last) const;
  void check_start(long step) const;
  void check_backward() const;
  void check_range(int first, int last) const;
  void check_ready() const;
  void debug_forward(int layer) const;
  void debug_backward(int layer) const;
  void debug_parameters() const;

  // The layer's error with file, line, layer and, where shapes matter, the bottoms' names and shapes.
  Error located(int layer, const std::string& message, bool with_bottoms) const;

  NetConfig config_;
  NetOptions options_;
  bool backward_;
  Graph graph_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<Contract> contracts_;
  std::vector<Bottoms> bottoms_;
  std::vector<Tops> tops_;
  std::vector<PropagateDown> down_;
  std::vector<std::unique_ptr<Blob>> values_;             // per value: in its producer's layout
  std::vector<std::vector<std::unique_ptr<Blob>>> uses_;  // per layer and bottom: in that reader's layout
  std::map<int, std::unique_ptr<Blob>> readable_;         // per value that the caller may read: plain layout
  std::map<std::string, Shape> input_shapes_;
  std::vector<bool> sized_late_;  // layers that depend on one that sizes its tops in forward

  StepList steps_;
  Plan plan_;
  std::shared_ptr<Arena> arena_;
  uint64_t arena_version_ = 0;
  bool bound_for_backward_ = false;
  std::vector<Buffer> own_buffers_;                 // per buffer: memory of its own, if it has any
  std::vector<std::unique_ptr<Reorder>> reorders_;  // per step
  static constexpr long kNowhere = -1;
  long position_ = kNowhere;  // step that a continued run may start at
  bool ready_ = false;        // memory fits the layers' shapes

  std::vector<NetOutput> outputs_;
  std::vector<NetParameterInfo> parameters_;
  Buffer scratch_;
  Pass pass_;
  Observer observer_;
  uint64_t passes_ = 0;
  bool debug_ = false;
};

// The net in a file, as a program usually wants it: read, upgraded, filtered and built.
std::unique_ptr<Net> make_net(const std::string& path, const NetState& state, const NetOptions& options);

}  // namespace crema

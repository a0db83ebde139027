// Layer: forward and backward of one kind of computation. A layer is one .cpp file in src/layers/ (how to add one is in
// docs/adding_a_layer.md); this is the only header of the core that it needs.
//
// Duties are split so that loops check nothing: the constructor checks the configuration, reshape() checks shapes,
// forward() and backward() compute. They report errors that a user can cause by throwing Error, which says what is
// wrong; Net puts file, line and layer in front.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "core/blob.h"
#include "core/contract.h"
#include "core/parameter.h"
#include "crema.pb.h"
#include "math/precision.h"

namespace crema {

enum class Engine { plain, onednn };

class Algorithms;  // math/algorithms.h

// One forward pass (and the backward pass that follows it) of a net.
struct Pass {
  uint64_t number = 0;  // of this net's forward passes, from 0; while training iteration * iter_size + k
  // A repetition of a pass: same random numbers, no side effects (running statistics, data position).
  bool replay = false;
};

// What a layer knows about the net that it belongs to. Owned by Net.
struct LayerContext {
  std::string name;  // the layer's; part of the key of its random numbers
  std::string file;  // prototxt that the layer stands in, "" if none: where relative paths are looked up second
  uint64_t seed = 0;
  Engine engine = Engine::plain;
  Precision precision = Precision::f32;  // of what the engine multiplies
  Algorithms* algorithms = nullptr;      // the measured choices for convolutions; null: only direct ones
  bool backward = true;                  // whether the net runs backward
  Phase phase = TRAIN;                   // the layer's own phase if it sets one, else the net's
  const Pass* pass = nullptr;
  Buffer* scratch = nullptr;  // shared by all layers of a net
};

using Bottoms = std::vector<Blob*>;
using Tops = std::vector<Blob*>;
using PropagateDown = std::vector<bool>;  // per bottom: whether its diff is wanted

// What a layer computes, for the layer before it: if this layer is the only reader of that layer's only top, that layer
// may compute it in the same pass over memory (Layer::absorb).
struct Epilogue {
  enum Kind {
    none,    // no work that another layer could do
    affine,  // y = a[c] x + b[c] for each channel c (axis 1); affine_factors() gives a and b
    relu,    // y = x for x > 0, slope x otherwise
    add,     // y = x + its other bottom, of the same shape
  };
  Kind kind = none;
  real slope = 0;
  // For an affine map that learns: a and b themselves, once the layer has been reshaped; null if there are none.
  Parameter *factor = nullptr, *shift = nullptr;
};

// How much of the next layer's work a layer takes over.
enum class Absorbed { nothing, forward, all };

// Memory of a layer beside its blobs and parameters, in bytes.
struct OwnMemory {
  long kept = 0;     // from its first pass on: a pooling's winners, a loss's probabilities, reordered weights
  long passing = 0;  // while it runs, in memory that all layers share: a net needs the largest of these
};

class Layer {
 public:
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  virtual Contract contract() const { return {}; }

  // Checks the bottoms' shapes, sets the tops' shapes and layouts, declares the parameters. Called before the first
  // forward and again whenever a bottom's shape changed. If it throws, its work may be half done; but it must not have
  // changed what lasts from pass to pass. Net then calls it with other shapes before anything runs. Bottoms have the
  // layout in which they were produced; takes() says in which one forward() wants them (default: plain). Bottoms' and
  // tops' memory is not there yet.
  virtual void reshape(const Bottoms& bottom, const Tops& top) = 0;

  // Writes the tops' data.
  virtual void forward(const Bottoms& bottom, const Tops& top) = 0;

  // Overwrites the diff of each bottom i with down[i] (the others have no diff), and accumulates the diff of each
  // parameter that learns, as its beta() says. Tops' diffs have the tops' layouts, bottoms' diffs the layouts that were
  // taken. Not called where Contract::has_backward is false.
  virtual void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) = 0;

  // What a snapshot keeps of a layer beside its parameters (records consumed by a data layer).
  virtual void save(LayerProgress&) const {}
  virtual void restore(const LayerProgress&) {}

  // "plain" or the name of the engine's kernel that computes forward, for reports.
  virtual std::string implementation() const { return "plain"; }
  // The same for backward; if its passes differ, "data-kernel, weights-kernel".
  virtual std::string backward_implementation() const { return implementation(); }

  // Memory beside blobs and parameters; called after reshape(). `backward`: as it is once a backward pass has run.
  virtual OwnMemory own_memory([[maybe_unused]] bool backward) const { return {}; }

  // --- fusion: two layers in one pass over memory ---

  virtual Epilogue epilogue() { return {}; }
  // For epilogues of kind affine: writes a and b, of as many numbers as bottom 0 has channels.
  virtual void affine_factors([[maybe_unused]] real* a, [[maybe_unused]] real* b) const {}
  // The layer `next` is the only reader of this layer's only top. Returns how much of next's work this layer takes
  // over: whether its forward writes what next's forward would write, and whether its backward also does next's
  // backward. The data and diff of its top are then those of next's top; parameters stay where they are. Called before
  // the first reshape, and again for the layer after `next` if the answer was yes; never if another reader needs a
  // value between them. `others`: next's other bottoms, which have the layout of this layer's top.
  virtual Absorbed absorb([[maybe_unused]] Layer& next, [[maybe_unused]] const Bottoms& others) {
    return Absorbed::nothing;
  }

  // The number of multiply-adds of one forward pass, as papers count them: in matrix products and convolutions, without
  // biases and elementwise work. For reports; called after reshape().
  virtual double multiply_adds(const Bottoms&, const Tops&) const { return 0; }

  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

  // For Net: set once, before the first reshape.
  void set_context(LayerContext context) { context_ = std::move(context); }
  // For Net: the layouts chosen by takes() in the last reshape; cleared before it.
  Layout taken_layout(int bottom) const {
    return static_cast<size_t>(bottom) < taken_.size() ? taken_[bottom] : Layout::plain;
  }
  void clear_taken_layouts() { taken_.clear(); }

 protected:
  Layer() = default;

  const Pass& pass() const { return *context_.pass; }
  Phase phase() const { return context_.phase; }
  const std::string& name() const { return context_.name; }
  const std::string& file() const { return context_.file; }
  uint64_t seed() const { return context_.seed; }
  // Random numbers of this layer in this pass, keyed by `purpose` as well. Elements count in plain order.
  Random random(std::string_view purpose) const { return Random(seed(), purpose, name(), pass().number); }
  Precision precision() const { return context_.precision; }
  Algorithms* algorithms() const { return context_.algorithms; }
  bool net_runs_backward() const { return context_.backward; }
  // Whether the net asks for the engine. A layer whose message has a field `engine` also obeys CAFFE there, which means
  // plain.
  bool use_engine() const { return context_.engine == Engine::onednn; }

  // In reshape(): forward and backward want bottom i in this layout (Net reorders if it comes in another).
  void takes(int bottom, Layout layout);

  // In reshape(): the one-in, one-out elementwise case. The top gets the bottom's shape; if zero_to_zero (f(0) = 0, so
  // that a layout's padding stays zero) or if the layout has no padding, the layer takes the bottom's layout as it is.
  // Loops then run over storage() elements.
  void elementwise(const Bottoms& bottom, const Tops& top, bool zero_to_zero = true);

  // In reshape(): parameter `index` has this shape. The first call creates it (Net fills it later, or shares another
  // layer's); later calls throw Error if the shape has changed. learns = false: never takes a gradient.
  void declare_parameter(int index, const Shape& shape, const FillerParameter& filler, bool learns = true);

  // Memory for `count` elements, valid until forward() or backward() returns; its contents are arbitrary. The next call
  // may return the same memory.
  real* scratch(long count);

 private:
  LayerContext context_;
  std::vector<Layout> taken_;
  std::vector<Parameter> parameters_;
};

// --- the registry ----------------------------------------------------------------------------------------------------

struct LayerType {
  std::function<std::unique_ptr<Layer>(const LayerParameter&)> create;
  std::vector<std::string> params;  // fields of LayerParameter that configure this type: {"elu_param"}
};

// All registered types by name.
const std::map<std::string, LayerType>& layer_types();
void register_layer(const std::string& type, LayerType entry);

// LayerType::params of all types, as check_layer_types() (config/check.h) takes them.
std::map<std::string, std::vector<std::string>> layer_params();

// Throws Error if the type is unknown, with the nearest known one.
std::unique_ptr<Layer> create_layer(const LayerParameter& config);

// const RegisterLayer<Elu> registered("ELU", "elu_param");
template <typename L>
class RegisterLayer {
 public:
  template <typename... Params>
  explicit RegisterLayer(const char* type, Params... params) {
    register_layer(type,
                   {[](const LayerParameter& config) -> std::unique_ptr<Layer> { return std::make_unique<L>(config); },
                    {params...}});
  }
};

}  // namespace crema

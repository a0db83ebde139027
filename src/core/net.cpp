#include "core/net.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <numeric>

#include "base/parallel.h"
#include "config/check.h"
#include "config/files.h"
#include "config/suggest.h"
#include "core/recompute.h"
#include "math/algorithms.h"
#include "math/math_info.h"
#include "math/workspace.h"

namespace crema {
namespace {

constexpr long kBytes = static_cast<long>(sizeof(real));

}  // namespace

Engine default_engine() {
#if defined(CREMA_WITH_ONEDNN) && !defined(CREMA_DOUBLE)
  return Engine::onednn;
#else
  return Engine::plain;
#endif
}

const char* engine_name(Engine engine) { return engine == Engine::plain ? "plain" : "onednn"; }

namespace {

void check_precision(const NetOptions& options) {
  if (options.precision == Precision::f32) return;
  check(options.engine == Engine::onednn, "precision bf16 needs the engine onednn; engine {} computes in f32 alone",
        engine_name(options.engine));
  const EngineInfo info = engine_info();
  check(info.bf16, "precision bf16 needs a processor with instructions for it (avx512_core_bf16); this one has {}",
        info.isa);
}

}  // namespace

Net::Net(NetConfig config, const NetOptions& options) : config_(std::move(config)), options_(options) {
  check(options_.engine == Engine::plain || default_engine() == Engine::onednn,
        "the oneDNN engine is not part of this build (CMake option CREMA_ONEDNN); use the plain engine");
  check_precision(options_);
  check(config_.net.layer_size() > 0, "{}: the net has no layers in phase {}", config_.source.at(),
        Phase_Name(phase()));
  check(!options_.memory || options_.partner == nullptr || options_.partner->has_memory(),
        "the net shares parameters with one that was built without memory (NetOptions::memory = false)");
  backward_ = options_.backward.value_or(phase() == TRAIN || !options_.output_diffs.empty());
  set_debug_info(false);
  arena_ = options_.partner != nullptr ? options_.partner->arena_ : std::make_shared<Arena>();
  const ThreadScope threads(options_.threads);
  const PlannedMemory planned(!options_.memory);
  create_layers();
  connect_layers();
  tell_layers();
  fuse_layers();
  shape_layers();
  set_up_parameters();
  direct_gradients();
  compile();
}

Net::~Net() = default;

Error Net::located(int layer, const std::string& message, bool with_bottoms) const {
  std::string bottoms;
  if (with_bottoms && layer < static_cast<int>(bottoms_.size())) {
    const auto& all = bottoms_[layer];
    for (size_t b = 0; b < all.size(); ++b) {
      const int v = graph_.layers[layer].bottoms[b].value;
      bottoms += fmt::format("{}bottom \"{}\": {}", b == 0 ? " (" : ", ", graph_.values[v].name, all[b]->shape().str());
    }
    if (!all.empty()) bottoms += ")";
  }
  return Error(where(config_, layer) + message + bottoms);
}

void Net::create_layers() {
  check_layer_types(config_, layer_params());
  resolve_files(config_);
  for (int i = 0; i < config_.net.layer_size(); ++i) {
    LayerParameter* l = config_.net.mutable_layer(i);
    if (!l->has_phase()) l->set_phase(phase());
    try {
      layers_.push_back(create_layer(*l));
      contracts_.push_back(layers_.back()->contract());
    } catch (const Error& error) {
      throw located(i, error.what(), false);
    }
  }
}

void Net::connect_layers() {
  graph_ = connect(config_, contracts_);
  mark_readable();
  for (size_t v = 0; v < graph_.values.size(); ++v) values_.push_back(std::make_unique<Blob>());
  for (const GraphLayer& layer : graph_.layers) {
    auto& uses = uses_.emplace_back();
    auto& bottoms = bottoms_.emplace_back();
    auto& tops = tops_.emplace_back();
    for (size_t b = 0; b < layer.bottoms.size(); ++b) {
      bottoms.push_back(uses.emplace_back(std::make_unique<Blob>()).get());
    }
    for (const int v : layer.tops) tops.push_back(values_[v].get());
  }
  mark_sized_late();
}

// Below a layer that sizes its tops in forward, shapes change with every pass.
void Net::mark_sized_late() {
  for (const GraphLayer& layer : graph_.layers) {
    sized_late_.push_back(std::any_of(layer.bottoms.begin(), layer.bottoms.end(), [this](const Use& use) {
      const int producer = graph_.values[use.value].layer;
      return sized_late_[producer] || contracts_[producer].resizes_tops;
    }));
  }
}

void Net::tell_layers() {
  std::map<std::string, int> namesakes;
  for (int i = 0; i < layers(); ++i) {
    // Layers with the same name (such as two Dropouts without a name) draw different random numbers.
    const std::string& name = layer_config(i).name();
    const int before = namesakes[name]++;
    layer(i).set_context({.name = before == 0 ? name : fmt::format("{}#{}", name, before),
                          .file = config_.layers[i].file,
                          .seed = options_.seed,
                          // Primitives and layouts for one shape do not pay off where shapes change in every pass.
                          .engine = sized_late_[i] ? Engine::plain : options_.engine,
                          .precision = options_.precision,
                          .algorithms = options_.algorithms.get(),
                          .backward = backward_,
                          .phase = layer_config(i).phase(),
                          .pass = &pass_,
                          .scratch = &scratch_});
  }
}

void Net::mark_readable() {
  std::vector<std::string> names;
  for (const Value& value : graph_.values) names.push_back(value.name);
  const auto find = [&](const std::string& name, const char* what) -> Value& {
    const int v = graph_.find(name);
    check(v >= 0, "{} names \"{}\", which is no blob of the net{}", what, name, v < 0 ? suggestion(name, names) : "");
    return graph_.values[v];
  };
  for (const std::string& name : options_.keep) find(name, "keep").readable = true;
  for (const std::string& name : options_.output_diffs) find(name, "output_diffs").fed = true;
  for (Value& value : graph_.values) {
    const bool written_by_caller = contracts_[value.layer].keeps_tops;
    value.readable = value.readable || options_.keep_all || value.readers.empty() || value.loss_weight != 0 ||
                     value.fed || written_by_caller;
  }
}

void Net::shape_layers() {
  const SelfChecks::Pause pause(!options_.memory);
  for (int i = 0; i < layers(); ++i) shape_layer(i);
  if (options_.algorithms && options_.memory) options_.algorithms->save();
  free_workspace();  // measurements may have taken more memory than steps need
}

void Net::shape_layer(int i) {
  const GraphLayer& wiring = graph_.layers[i];
  for (size_t b = 0; b < wiring.bottoms.size(); ++b) {
    const Blob& produced = *values_[wiring.bottoms[b].value];
    bottoms_[i][b]->reshape(produced.shape(), produced.layout());
  }
  layers_[i]->clear_taken_layouts();
  try {
    layers_[i]->reshape(bottoms_[i], tops_[i]);
  } catch (const Error& error) {
    throw located(i, error.what(), true);
  } catch (const std::bad_alloc&) {
    throw located(i, "out of memory", true);
  }
  for (const int v : wiring.tops) {
    const auto given = input_shapes_.find(graph_.values[v].name);
    if (wiring.bottoms.empty() && given != input_shapes_.end()) values_[v]->reshape(given->second);
  }
  for (size_t b = 0; b < wiring.bottoms.size(); ++b) {
    bottoms_[i][b]->reshape(bottoms_[i][b]->shape(), layers_[i]->taken_layout(static_cast<int>(b)));
  }
  lay_out_absorbed(i);
}

void Net::reshape(const std::map<std::string, Shape>& inputs) {
  std::map<std::string, Shape> before;
  for (size_t v = 0; v < graph_.values.size(); ++v) {
    const Value& value = graph_.values[v];
    if (layer_config(value.layer).type() == "Input") before[value.name] = values_[v]->shape();
  }
  for (const auto& [name, shape] : inputs) {
    check(before.contains(name), "\"{}\" is not the top of an Input layer", name);
  }
  const ThreadScope threads(options_.threads);
  const PlannedMemory planned(!options_.memory);
  position_ = kNowhere;
  try {
    for (const auto& [name, shape] : inputs) input_shapes_[name] = shape;
    shape_layers();
    compile();
  } catch (...) {
    take_back(before);
    throw;
  }
}

// After a failed reshape: restores layers and blobs to the shapes for which the steps and their memory were made.
void Net::take_back(const std::map<std::string, Shape>& inputs) {
  const bool was_ready = ready_;
  ready_ = false;
  input_shapes_ = inputs;
  try {
    shape_layers();
    bind(false);
    ready_ = was_ready;
  } catch (const std::exception&) {  // memory that was available before is not: the net reports it when it is to run
  }
}

void Net::direct_gradients() {
  std::vector<bool> learns;
  for (const auto& layer : layers_) {
    const auto& all = layer->parameters();
    learns.push_back(std::any_of(all.begin(), all.end(), [](const Parameter& p) { return p.learns(); }));
  }
  for (size_t i = 0; i < learns.size(); ++i) {
    const GraphLayer& wiring = graph_.layers[i];
    if (wiring.absorbed_backward && learns[i]) learns[wiring.absorbed_by] = true;
  }
  mark_gradients(config_, contracts_, learns, &graph_);
  for (const GraphLayer& layer : graph_.layers) {
    auto& down = down_.emplace_back();
    const Indices& shape_only = contracts_[down_.size() - 1].shape_only;  // no layer writes their zero gradient
    for (const Use& use : layer.bottoms)
      down.push_back(use.diff && !shape_only.contains(static_cast<int>(down.size())));
  }
}

// Steps, plan and memory for the shapes and layouts that the layers now have.
void Net::compile() {
  Layouts layouts;
  for (const auto& value : values_) {
    layouts.shapes.push_back(value->shape());
    layouts.produced.push_back(value->layout());
  }
  for (const Bottoms& bottoms : bottoms_) {
    auto& taken = layouts.taken.emplace_back();
    for (const Blob* bottom : bottoms) taken.push_back(bottom->layout());
  }
  for (int i = 0; options_.plan && i < layers(); ++i) {
    const auto elements = [](long bytes) { return bytes == 0 ? 0 : (bytes + kBytes - 1) / kBytes + kWorkspaceSlack; };
    layouts.forward_room.push_back(elements(layer(i).own_memory(false).passing));
    layouts.backward_room.push_back(elements(layer(i).own_memory(true).passing));
  }
  StepList steps = compile_steps(graph_, contracts_, layouts, backward_);
  Plan plan;
  const std::vector<bool> again = recomputed();
  if (options_.plan) {
    if (std::find(again.begin(), again.end(), true) != again.end()) recompute(again, &steps);
    plan = plan_memory(steps);
  } else {
    plan.offset.assign(steps.buffers.size(), Plan::kPinned);
    plan.group.resize(steps.buffers.size());
    std::iota(plan.group.begin(), plan.group.end(), 0);
  }
  std::vector<std::unique_ptr<Reorder>> reorders;
  for (const Step& step : steps.steps) {
    const bool moves = step.kind == Step::reorder && step.from_layout != step.to_layout;
    reorders.push_back(moves ? std::make_unique<Reorder>(layouts.shapes[step.value], step.from_layout, step.to_layout)
                             : nullptr);
  }
  // Everything that may fail is done. From here on the net changes.
  own_buffers_ = allocate(steps, plan);
  steps_ = std::move(steps);
  plan_ = std::move(plan);
  reorders_ = std::move(reorders);
  bind(false);
  list_outputs();
  position_ = kNowhere;
  ready_ = options_.memory;
}

// Per layer: whether backward computes its tops again. A layer and those that it absorbed write one value. It is kept
// if one of these layers is not marked with `recompute`.
std::vector<bool> Net::recomputed() const {
  std::vector<bool> again;
  for (int i = 0; i < layers(); ++i) {
    const auto& absorbed = graph_.layers[i].absorbed;
    again.push_back(layer_config(i).recompute() &&
                    std::all_of(absorbed.begin(), absorbed.end(), [&](int j) { return layer_config(j).recompute(); }));
    if (layer_config(i).recompute() && graph_.layers[i].bottoms.empty()) {
      throw located(i, "recompute: the layer has no bottoms, from which its tops could be computed again", false);
    }
  }
  return again;
}

// The buffers that have memory of their own; the arena gets room for the others.
std::vector<Buffer> Net::allocate(const StepList& steps, const Plan& plan) {
  std::vector<Buffer> own_buffers(steps.buffers.size());
  const real nan = std::numeric_limits<real>::quiet_NaN();
  try {
    for (size_t b = 0; b < steps.buffers.size(); ++b) {
      if (plan.offset[b] != Plan::kPinned) continue;
      Buffer& own = own_buffers[plan.group[b]];
      const long size = steps.buffers[b].size;
      const bool made = !own.empty();  // for an earlier buffer of the group
      if (!made || own.size() < size) own = Buffer(size, options_.plan ? 0 : nan);
    }
    if (options_.memory) arena_->reserve(plan.size);
    return own_buffers;
  } catch (const Error& error) {
    const auto largest = std::max_element(steps.buffers.begin(), steps.buffers.end(),
                                          [](const auto& a, const auto& b) { return a.size < b.size; });
    throw Error("{}: {}; the net's largest blob is \"{}\" with {:.1f} MB: a smaller batch takes less",
                config_.source.at(), error.what(), largest->name,
                static_cast<double>(largest->size) * sizeof(real) / 1e6);
  }
}

real* Net::memory_of(int buffer) {
  if (buffer < 0) return nullptr;
  if (plan_.offset[buffer] == Plan::kPinned) return own_buffers_[plan_.group[buffer]].data();
  return options_.memory ? arena_->data() + plan_.offset[buffer] : nullptr;
}

// Points every blob at its memory. Called again after the arena has moved, and if backward uses other buffers for data
// than forward.
void Net::bind(bool backward) {
  arena_version_ = arena_->version();
  bound_for_backward_ = backward;
  const auto data_of = [&](int buffer) {
    const bool moved = backward && buffer >= 0 && !steps_.in_backward.empty();
    return memory_of(moved ? steps_.in_backward[buffer] : buffer);
  };
  for (size_t v = 0; v < values_.size(); ++v) {
    values_[v]->bind(data_of(steps_.value_data[v]), memory_of(steps_.value_diff[v]));
    if (!graph_.values[v].readable) continue;
    auto& blob = readable_[static_cast<int>(v)];
    if (blob == nullptr) blob = std::make_unique<Blob>();
    blob->reshape(values_[v]->shape());
    blob->bind(memory_of(steps_.readable_data[v]), memory_of(readable_diff(static_cast<int>(v))));
  }
  for (size_t i = 0; i < layers_.size(); ++i) {
    for (size_t b = 0; b < uses_[i].size(); ++b) {
      uses_[i][b]->bind(data_of(steps_.use_data[i][b]), memory_of(steps_.use_diff[i][b]));
    }
  }
}

// The buffer of the diff that the caller sets, or may read after backward; -1 if there is none.
int Net::readable_diff(int v) const {
  if (graph_.values[v].fed) return steps_.fed_diff[v];
  const int diff = steps_.value_diff[v];
  return diff >= 0 && steps_.buffers[diff].pinned ? diff : -1;
}

void Net::list_outputs() {
  outputs_.clear();
  for (size_t v = 0; v < graph_.values.size(); ++v) {
    const Value& value = graph_.values[v];
    if (value.readers.empty())
      outputs_.push_back({value.name, readable_.at(static_cast<int>(v)).get(), value.loss_weight});
  }
}

std::unique_ptr<Net> make_net(const std::string& path, const NetState& state, const NetOptions& options) {
  return std::make_unique<Net>(filter(read_net(path), state), options);
}

}  // namespace crema

// Net: which layer owns which parameter, and the parameters' initial values.
#include "core/filler.h"
#include "core/net.h"

namespace crema {
namespace {

ParamSpec spec_of(const LayerParameter& layer, int index) {
  return index < layer.param_size() ? layer.param(index) : ParamSpec();
}

}  // namespace

// A parameter that others may share by the name in `param { name: ... }`, with the settings that its sharers have given
// so far.
struct Net::Shared {
  size_t owner;  // index into parameters_
  ParamSpec spec;
};

void Net::set_up_parameters() {
  check_names();
  std::map<std::string, Shared> shared;
  for (int i = 0; i < layers(); ++i) {
    check_param_entries(i);
    for (int k = 0; k < static_cast<int>(layer(i).parameters().size()); ++k) {
      const ParamSpec spec = spec_of(layer_config(i), k);
      Parameter& mine = layer(i).parameters()[k];
      mine.set_learns(mine.learns() && (spec.lr_mult() != 0 || config_.net.force_backward()));
      try {
        const bool adopted = adopt(i, k);
        if (const auto found = shared.find(spec.name()); found != shared.end()) {
          share(k, spec, &mine, &found->second);
        } else {
          if (!adopted) fill_own(i, k);
          if (!spec.name().empty()) shared[spec.name()] = {parameters_.size(), spec};
          parameters_.push_back({&mine, layer_config(i).name(), k, spec.lr_mult(), spec.decay_mult()});
        }
      } catch (const Error& error) {
        throw located(i, error.what(), false);
      }
      if (backward_ && mine.learns() && mine.storage()->diff.empty()) {
        mine.storage()->diff = Buffer(mine.count());
      }
    }
  }
}

// Models and states identify parameters and positions by the layer's name.
void Net::check_names() const {
  std::map<std::string, int> first;
  for (int i = 0; i < layers(); ++i) {
    if (layer(i).parameters().empty() && !has_progress(i)) continue;
    const auto [other, is_new] = first.try_emplace(layer_config(i).name(), i);
    if (is_new) continue;
    const std::string where = config_.layers[other->second].at();
    throw located(
        i,
        fmt::format(
            "has the name of the layer at {}; snapshots and test nets tell layers by their names: give it another",
            where),
        false);
  }
}

void Net::check_param_entries(int i) const {
  const int entries = layer_config(i).param_size(), parameters = static_cast<int>(layer(i).parameters().size());
  if (entries > parameters) {
    throw located(
        i, fmt::format("has {} param entries, but {} parameter{}", entries, parameters, parameters == 1 ? "" : "s"),
        false);
  }
}

// Takes the partner's parameter, if it has one.
bool Net::adopt(int i, int k) {
  Net* partner = options_.partner;
  if (partner == nullptr) return false;
  for (int j = 0; j < partner->layers(); ++j) {
    auto& theirs = partner->layer(j).parameters();
    if (theirs.empty() || partner->layer_config(j).name() != layer_config(i).name()) continue;
    auto& ours = layer(i).parameters();
    check(theirs.size() == ours.size(), "has {} parameters, but {} in the net that it shares them with", ours.size(),
          theirs.size());
    Parameter& mine = ours[k];
    const Parameter& other = theirs[k];
    check(mine.shape() == other.shape(), "parameter {} has shape {}, but {} in the net that it shares it with", k,
          mine.shape().str(), other.shape().str());
    mine.set_storage(other.storage());
    return true;
  }
  return false;
}

void Net::fill_own(int i, int k) {
  Parameter& mine = layer(i).parameters()[k];
  mine.set_storage(std::make_shared<Parameter::Storage>());
  mine.storage()->data = Buffer(mine.count());
  if (!options_.memory) return check_filler(mine.filler(), mine.shape());
  fill(mine.filler(), mine.shape(), Random(seed(), "filler", fmt::format("{}/{}", layer_config(i).name(), k)),
       mine.mutable_data());
}

// Makes parameter k of a layer the owner's parameter. Multipliers that the layer gives hold for all sharers; different
// ones are an error.
void Net::share(int k, const ParamSpec& spec, Parameter* mine, Shared* shared) {
  NetParameterInfo& owner = parameters_[shared->owner];
  const Shape& theirs = owner.parameter->shape();
  const bool permissive = spec.share_mode() == ParamSpec::PERMISSIVE;
  check(permissive ? theirs.count() == mine->count() : theirs == mine->shape(),
        "parameter {} shares \"{}\" with layer \"{}\", where it has shape {}, and here {}{}", k, spec.name(),
        owner.layer, theirs.str(), mine->shape().str(),
        theirs.count() == mine->count() ? "; share_mode: PERMISSIVE allows that" : "");
  const auto agree = [&](const char* field, bool given, bool given_before, float value, float before) {
    check(!given || !given_before || value == before, "parameter \"{}\" has {} {} here, and {} in a layer before it",
          spec.name(), field, value, before);
  };
  ParamSpec& merged = shared->spec;
  agree("lr_mult", spec.has_lr_mult(), merged.has_lr_mult(), spec.lr_mult(), merged.lr_mult());
  agree("decay_mult", spec.has_decay_mult(), merged.has_decay_mult(), spec.decay_mult(), merged.decay_mult());
  if (spec.has_lr_mult()) merged.set_lr_mult(owner.lr_mult = spec.lr_mult());
  if (spec.has_decay_mult()) merged.set_decay_mult(owner.decay_mult = spec.decay_mult());
  mine->set_storage(owner.parameter->storage());
}

}  // namespace crema

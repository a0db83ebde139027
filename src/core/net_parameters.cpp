// Net: who owns which parameter, what it starts from, and what a snapshot keeps of the layers.
#include "core/filler.h"
#include "core/net.h"

namespace crema {
namespace {

ParamSpec spec_of(const LayerParameter& layer, int index) {
  return index < layer.param_size() ? layer.param(index) : ParamSpec();
}

}  // namespace

void Net::set_up_parameters() {
  std::map<std::string, size_t> owners;  // by the name in `param { name: ... }`: index into parameters_
  for (int i = 0; i < layers(); ++i) {
    check_param_entries(i);
    auto& all = layer(i).parameters();
    for (int k = 0; k < static_cast<int>(all.size()); ++k) {
      try {
        share_or_own(i, k, adopt(i, k), &owners);
      } catch (const Error& error) {
        throw located(i, error.what(), false);
      }
    }
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

bool Net::adopt(int i, int k) {
  Net* partner = options_.partner;
  if (partner == nullptr) return false;
  for (int j = 0; j < partner->layers(); ++j) {
    if (partner->layer_config(j).name() != layer_config(i).name()) continue;
    auto& theirs = partner->layer(j).parameters();
    auto& ours = layer(i).parameters();
    check(theirs.size() == ours.size(), "has {} parameters, but {} in the net that it shares them with", ours.size(),
          theirs.size());
    Parameter& mine = ours[static_cast<size_t>(k)];
    const Parameter& other = theirs[static_cast<size_t>(k)];
    check(mine.shape() == other.shape(), "parameter {} has shape {}, but {} in the net that it shares it with", k,
          mine.shape().str(), other.shape().str());
    mine.set_storage(other.storage());
    return true;
  }
  return false;
}

void Net::share_or_own(int i, int k, bool adopted, std::map<std::string, size_t>* owners) {
  Parameter& mine = layer(i).parameters()[static_cast<size_t>(k)];
  const ParamSpec spec = spec_of(layer_config(i), k);
  const auto found = spec.name().empty() ? owners->end() : owners->find(spec.name());
  const bool wants_gradient = mine.learns() && (spec.lr_mult() != 0 || config_.net.force_backward());
  if (found == owners->end()) {
    if (!spec.name().empty()) (*owners)[spec.name()] = parameters_.size();
    mine.set_learns(wants_gradient);
    if (!adopted) {
      mine.set_storage(std::make_shared<Parameter::Storage>());
      mine.storage()->data = Buffer(mine.count());
      fill(mine.filler(), mine.shape(), Random(seed(), "filler", fmt::format("{}/{}", layer_config(i).name(), k)),
           mine.mutable_data());
    }
    parameters_.push_back({&mine, layer_config(i).name(), k, spec.lr_mult(), spec.decay_mult()});
  } else {
    NetParameterInfo& owner = parameters_[found->second];
    const Shape& theirs = owner.parameter->shape();
    const bool permissive = spec.share_mode() == ParamSpec::PERMISSIVE;
    check(permissive ? theirs.count() == mine.count() : theirs == mine.shape(),
          "parameter {} shares \"{}\" with layer \"{}\", where it has shape {}, and here {}{}", k, spec.name(),
          owner.layer, theirs.str(), mine.shape().str(),
          theirs.count() == mine.count() ? "; share_mode: PERMISSIVE allows that" : "");
    const ParamSpec owners_spec = spec_of(layer_config(layer_index(owner.layer)), owner.index);
    const auto agree = [&](const char* field, bool ours_set, bool theirs_set, float ours, float* merged) {
      check(!ours_set || !theirs_set || ours == *merged, "parameter \"{}\" has {} {} here, and {} in layer \"{}\"",
            spec.name(), field, ours, *merged, owner.layer);
      if (ours_set) *merged = ours;
    };
    agree("lr_mult", spec.has_lr_mult(), owners_spec.has_lr_mult(), spec.lr_mult(), &owner.lr_mult);
    agree("decay_mult", spec.has_decay_mult(), owners_spec.has_decay_mult(), spec.decay_mult(), &owner.decay_mult);
    mine.set_learns(wants_gradient);
    mine.set_storage(owner.parameter->storage());
  }
  if (backward_ && mine.learns() && mine.storage()->diff.size() == 0) mine.storage()->diff = Buffer(mine.count());
}

void Net::save_progress(NetProgress* progress) const {
  progress->set_passes(passes_);
  for (int i = 0; i < layers(); ++i) {
    LayerProgress kept;
    layer(i).save(kept);
    if (kept.ByteSizeLong() == 0) continue;
    kept.set_name(layer_config(i).name());
    *progress->add_layer() = kept;
  }
}

void Net::restore_progress(const NetProgress& progress) {
  passes_ = progress.passes();
  for (const LayerProgress& kept : progress.layer()) layer(layer_index(kept.name())).restore(kept);
}

}  // namespace crema

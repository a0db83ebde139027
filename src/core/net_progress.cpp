// Net: what a snapshot keeps besides the parameters: the number of passes, how far data layers have come, and what
// recurrent layers carry from batch to batch.
#include "core/net.h"

namespace crema {
namespace {

LayerProgress progress_of(const Layer& layer) {
  LayerProgress kept;
  layer.save(kept);
  return kept;
}

}  // namespace

void Net::save_progress(NetProgress* progress) const {
  progress->set_passes(passes_);
  for (int i = 0; i < layers(); ++i) {
    if (!has_progress(i)) continue;
    LayerProgress& kept = *progress->add_layer();
    kept = progress_of(layer(i));
    kept.set_name(layer_config(i).name());
  }
}

NetProgress Net::progress_after(uint64_t passes) const {
  NetProgress progress;
  progress.set_passes(passes);
  for (int i = 0; i < layers(); ++i) {
    if (!progress_of(layer(i)).has_position()) continue;
    const Blob& batch = *tops(i)[0];
    LayerProgress& kept = *progress.add_layer();
    kept.set_name(layer_config(i).name());
    kept.set_position(passes * static_cast<uint64_t>(batch.axes() > 0 ? batch.dim(0) : 1));
  }
  return progress;
}

bool Net::has_progress(int i) const { return progress_of(layer(i)).ByteSizeLong() > 0; }

void Net::restore_progress(const NetProgress& progress) {
  passes_ = progress.passes();
  for (const LayerProgress& kept : progress.layer()) {
    int i = 0;
    while (i < layers() && (layer_config(i).name() != kept.name() || !has_progress(i))) ++i;
    check(i < layers(), "keeps the {} layer \"{}\", which the net does not have",
          kept.has_position() ? "position of data" : "state of recurrent", kept.name());
    try {
      layer(i).restore(kept);
    } catch (const Error& error) {
      throw Error("layer \"{}\": {}", kept.name(), error.what());
    }
  }
}

}  // namespace crema

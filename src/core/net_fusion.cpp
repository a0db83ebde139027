// Net: which layers do the work of the next ones in the same pass over memory.
#include <algorithm>

#include "core/net.h"

namespace crema {

// The layer after layer i's last value so far, if all its other inputs exist when layer i runs, and no other layer
// reads that value; -1 otherwise.
int Net::fusible_after(int i, int v) const {
  const Value& value = graph_.values[v];
  if (value.readers.size() != 1 || value.readable || value.fed || value.loss_weight != 0) return -1;
  const int j = value.readers[0].first;
  const LayerParameter& next = layer_config(j);
  if (graph_.layers[j].tops.size() != 1 || sized_late_[j] || contracts_[j].resizes_tops) return -1;
  const bool kept_apart = backward_ && next.recompute() != layer_config(i).recompute();
  if (next.propagate_down_size() > 0 || kept_apart) return -1;
  for (const Use& use : graph_.layers[j].bottoms) {
    if (use.value != v && graph_.values[use.value].layer >= i) return -1;
  }
  return j;
}

// Lets layer i take over one layer after the other.
void Net::absorb_after(int i) {
  GraphLayer& absorber = graph_.layers[i];
  int v = absorber.tops[0];
  for (int j = fusible_after(i, v); j >= 0; j = fusible_after(i, v)) {
    Bottoms others;
    for (size_t b = 0; b < bottoms_[j].size(); ++b) {
      if (graph_.layers[j].bottoms[b].value != v) others.push_back(bottoms_[j][b]);
    }
    const Absorbed absorbed = layer(i).absorb(layer(j), others);
    if (absorbed == Absorbed::nothing) return;
    absorber.absorbed.push_back(j);
    graph_.layers[j].absorbed_by = i;
    graph_.layers[j].absorbed_backward = absorbed == Absorbed::all;
    contracts_[i] = layer(i).contract();
    if (backward_ && absorbed == Absorbed::forward) return;  // the value between them has its own gradient
    v = graph_.layers[j].tops[0];
  }
}

void Net::fuse_layers() {
  if (!options_.fuse || debug_) return;
  for (int i = 0; i < layers(); ++i) {
    const GraphLayer& wiring = graph_.layers[i];
    if (wiring.absorbed_by < 0 && wiring.tops.size() == 1 && !sized_late_[i]) absorb_after(i);
  }
}

// An absorbed layer never runs. Its blobs have the layout of those of the layer that does its work.
void Net::lay_out_absorbed(int i) {
  const int absorber = graph_.layers[i].absorbed_by;
  if (absorber < 0) return;
  const Layout layout = tops_[absorber][0]->layout();
  for (Blob* bottom : bottoms_[i]) bottom->reshape(bottom->shape(), layout);
  tops_[i][0]->reshape(tops_[i][0]->shape(), layout);
}

}  // namespace crema

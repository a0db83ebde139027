// The steps of upgrade() (net_config.h), one file each.
#pragma once

#include <string>

#include "config/net_config.h"
#include "config/source.h"
#include "crema.pb.h"

namespace crema {

// A layer with the place that it came from.
struct LocatedLayer {
  LayerParameter layer;
  Source source;
};

// upgrade_v1.cpp: a layer in the V1 format, which numbers its types and keeps learning rates in lists; a layer in the
// V0 format inside it is upgraded, too. `old` and `source` are emptied.
LocatedLayer upgrade_v1_layer(V1LayerParameter& old, Source& source);

// upgrade_v0.cpp: moves a layer in the V0 format, which has one message for all types, into `layer`. Throws Error at a
// field that the layer's type does not have.
void upgrade_v0_layer(V0LayerParameter& old, Source& source, LocatedLayer& layer);

// upgrade_v0.cpp: in the V0 format padding was a layer of its own ("padding", before "conv" or "pool"). Takes these
// layers out and writes their `pad` into the layers that read them. `sources` is parallel to net.layers().
void fold_padding_layers(NetParameter& net, std::vector<Source>& sources);

// upgrade_input.cpp: the net's legacy fields input, input_shape and input_dim become a first layer of type Input with
// the name "input". A net that names inputs without shapes, as binary files do, loses the names; in a text that is an
// Error, unless its layers have tops of these names.
void upgrade_inputs(NetConfig& config);

}  // namespace crema

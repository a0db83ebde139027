#include "rows/rows.h"

#include "config/net_config.h"
#include "rows/forward_rows.h"

namespace crema {

std::vector<ForwardRow> forward_rows() {
  return joined({forward_rows_of_elementwise(), forward_rows_of_filters(), forward_rows_of_losses()});
}

LayerParameter parse_layer(const std::string& layer) {
  return parse_net("layer { " + layer + " }", "(row)").net.layer(0);
}

}  // namespace crema

#include "rows/rows.h"

#include "config/net_config.h"
#include "rows/row_tables.h"

namespace crema {

std::vector<GradientRow> gradient_rows() {
  return joined({gradient_rows_of_basics(), gradient_rows_of_activation(), gradient_rows_of_shape(),
                 gradient_rows_of_selection(), gradient_rows_of_loss(), gradient_rows_of_norm(),
                 gradient_rows_of_spatial(), gradient_rows_of_sequence()});
}

std::vector<ForwardRow> forward_rows() {
  return joined({forward_rows_of_elementwise(), forward_rows_of_filters(), forward_rows_of_losses(),
                 forward_rows_of_activation(), forward_rows_of_shape(), forward_rows_of_selection(),
                 forward_rows_of_loss(), forward_rows_of_norm(), forward_rows_of_spatial(),
                 forward_rows_of_sequence()});
}

LayerParameter parse_layer(const std::string& layer) {
  return parse_net("layer { " + layer + " }", "(row)").net.layer(0);
}

}  // namespace crema

// The parts of gradient_rows() and forward_rows().
#pragma once

#include "rows/rows.h"

namespace crema {

std::vector<GradientRow> gradient_rows_of_basics();
std::vector<ForwardRow> forward_rows_of_elementwise();
std::vector<ForwardRow> forward_rows_of_filters();
std::vector<ForwardRow> forward_rows_of_losses();

std::vector<GradientRow> gradient_rows_of_activation();
std::vector<ForwardRow> forward_rows_of_activation();
std::vector<GradientRow> gradient_rows_of_shape();
std::vector<ForwardRow> forward_rows_of_shape();
std::vector<GradientRow> gradient_rows_of_selection();
std::vector<ForwardRow> forward_rows_of_selection();
std::vector<GradientRow> gradient_rows_of_loss();
std::vector<ForwardRow> forward_rows_of_loss();
std::vector<GradientRow> gradient_rows_of_norm();
std::vector<ForwardRow> forward_rows_of_norm();
std::vector<GradientRow> gradient_rows_of_spatial();
std::vector<ForwardRow> forward_rows_of_spatial();
std::vector<GradientRow> gradient_rows_of_sequence();
std::vector<ForwardRow> forward_rows_of_sequence();

}  // namespace crema

// Forward rows of what works element by element, normalizes, or combines blobs.
// The numbers are worked out by hand, or by a few lines of Python that know nothing of crema.
#include "rows/row_tables.h"

namespace crema {
namespace {

const std::vector<ForwardRow> kElementwise = {
    {"elu", {{-1.f, 0.f, 2.f}}, "type: 'ELU'", {-0.6321206f, 0.f, 2.f}},
    {"elu_alpha",
     {{-2.f, -0.5f, 0.f, 3.f}},
     "type: 'ELU' elu_param { alpha: 0.5 }",
     {-0.43233236f, -0.19673467f, 0, 3}},
    {"relu", {{-1.f, 0.f, 2.f}}, "type: 'ReLU'", {0, 0, 2}},
    {"relu_leaky", {{-2.f, 0.f, 3.f}}, "type: 'ReLU' relu_param { negative_slope: 0.25 }", {-0.5f, 0, 3}},
    {"relu_plain_path", {{-1.f, 4.f}}, "type: 'ReLU' relu_param { engine: CAFFE }", {0, 4}},
    {"sigmoid", {{-2.f, 0.f, 1.f}}, "type: 'Sigmoid'", {0.11920292f, 0.5f, 0.73105858f}},
    {"tanh", {{-1.f, 0.f, 0.5f}}, "type: 'TanH'", {-0.76159416f, 0, 0.46211716f}},
    {"power", {{-3.f, 0.f, 2.f}}, "type: 'Power'", {-3, 0, 2}},
    {"power_linear", {{-3.f, 0.f, 2.f}}, "type: 'Power' power_param { scale: 3 shift: -1 }", {-10, -1, 5}},
    {"power_constant", {{-3.f, 0.f, 2.f}}, "type: 'Power' power_param { power: 0 }", {1, 1, 1}},
    {"power_square", {{-4.f, 0.f, 3.f}}, "type: 'Power' power_param { power: 2 scale: 0.5 shift: 1 }", {1, 1, 6.25f}},
    {"power_cube", {{1.f, 2.f, 4.f}}, "type: 'Power' power_param { power: 3 scale: -1 shift: 2 }", {1, 0, -8}},
    {"power_root", {{0.f, 2.f, 6.f}}, "type: 'Power' power_param { power: 0.5 shift: 0.25 }", {0.5f, 1.5f, 2.5f}},
    {"dropout_none", {{-3.f, 0.f, 2.f}}, "type: 'Dropout' dropout_param { dropout_ratio: 0 }", {-3, 0, 2}},
    {"dropout_test", {{-3.f, 0.f, 2.f}}, "type: 'Dropout' dropout_param { dropout_ratio: 0.3 }", {-3, 0, 2}, {}, TEST},
};

const Literal kTwoChannels({1, 2, 2}, {1, 2, 3, 4});

const std::vector<ForwardRow> kNormalization = {
    {"batch_norm",
     {{{3, 2}, {1, 2, 3, 6, 5, 4}}},
     "type: 'BatchNorm'",
     {{{3, 2}, {-1.2247426f, -1.2247426f, 0, 1.2247426f, 1.2247426f, 0}}}},
    {"batch_norm_eps",
     {{{3, 2}, {1, 2, 3, 6, 5, 4}}},
     "type: 'BatchNorm' batch_norm_param { eps: 1 moving_average_fraction: 0.5 }",
     {{{3, 2}, {-1.0444659f, -1.0444659f, 0, 1.0444659f, 1.0444659f, 0}}}},
    {"batch_norm_test",
     {{{2, 2}, {1, 2, 3, 6}}},
     "type: 'BatchNorm'",
     {{{2, 2}, {0, 0, 0.99999875f, 1.3333326f}}},
     {{2.f, 4.f}, {8.f, 18.f}, {2.f}},
     TEST},
    {"batch_norm_global",
     {{{2, 2}, {1, 2, 3, 6}}},
     "type: 'BatchNorm' batch_norm_param { use_global_stats: true }",
     {{{2, 2}, {0, 0, 0.99999875f, 1.3333326f}}},
     {{2.f, 4.f}, {8.f, 18.f}, {2.f}}},
    {"scale_starts_as_identity", {kTwoChannels}, "type: 'Scale' scale_param { bias_term: true }", {1, 2, 3, 4}},
    {"scale", {kTwoChannels}, "type: 'Scale'", {{{1, 2, 2}, {2, 4, 9, 12}}}, {{2.f, 3.f}}},
    {"scale_bias",
     {kTwoChannels},
     "type: 'Scale' scale_param { bias_term: true }",
     {{{1, 2, 2}, {3, 5, 8, 11}}},
     {{2.f, 3.f}, {1.f, -1.f}}},
    {"scale_fillers",
     {kTwoChannels},
     "type: 'Scale' scale_param { bias_term: true filler { value: 2 } bias_filler { value: -1 } }",
     {1, 3, 5, 7}},
    {"scale_last_axis", {kTwoChannels}, "type: 'Scale' scale_param { axis: 2 }", {1, 20, 3, 40}, {{1.f, 10.f}}},
    {"scale_two_axes",
     {kTwoChannels},
     "type: 'Scale' scale_param { num_axes: 2 }",
     {1, 20, 300, 4000},
     {{{2, 2}, {1, 10, 100, 1000}}}},
    {"scale_number", {kTwoChannels}, "type: 'Scale' scale_param { num_axes: 0 }", {-1, -2, -3, -4}, {{kScalar, {-1}}}},
    {"scale_bottom", {kTwoChannels, {2.f, 3.f}}, "type: 'Scale'", {2, 4, 9, 12}},
};

const std::vector<ForwardRow> kCombining = {
    {"eltwise", {{1.f, 2.f}, {10.f, 20.f}, {100.f, 200.f}}, "type: 'Eltwise'", {111, 222}},
    {"eltwise_max_coeff",
     {{1.f, 2.f}, {3.f, -4.f}},
     "type: 'Eltwise' eltwise_param { operation: MAX coeff: 0.5 coeff: -2 }",
     {3, 2}},
    {"eltwise_coeff", {{1.f, 2.f}, {3.f, -4.f}}, "type: 'Eltwise' eltwise_param { coeff: 0.5 coeff: -2 }", {-5.5f, 9}},
    {"eltwise_product",
     {{1.f, 2.f}, {3.f, -4.f}, {5.f, 0.5f}},
     "type: 'Eltwise' eltwise_param { operation: PROD stable_prod_grad: false }",
     {15, -4}},
    {"eltwise_max",
     {{1.f, 2.f, -3.f}, {3.f, -4.f, -2.f}, {2.f, 1.f, -1.f}},
     "type: 'Eltwise' eltwise_param { operation: MAX }",
     {3, 2, -1}},
    {"concat",
     {{{2, 1, 2}, {1, 2, 3, 4}}, {{2, 2, 2}, {5, 6, 7, 8, 9, 10, 11, 12}}},
     "type: 'Concat'",
     {{{2, 3, 2}, {1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12}}}},
    {"concat_first_axis",
     {{{1, 2}, {1, 2}}, {{2, 2}, {3, 4, 5, 6}}},
     "type: 'Concat' concat_param { axis: 0 }",
     {{{3, 2}, {1, 2, 3, 4, 5, 6}}}},
    {"concat_old_name",
     {{{1, 2, 1}, {1, 2}}, {{1, 2, 2}, {3, 4, 5, 6}}},
     "type: 'Concat' concat_param { concat_dim: 2 }",
     {{{1, 2, 3}, {1, 3, 4, 2, 5, 6}}}},
    {"flatten", {{{1, 2, 2}, {1, 2, 3, 4}}}, "type: 'Flatten'", {{{1, 4}, {1, 2, 3, 4}}}},
    {"flatten_range",
     {{{1, 2, 2}, {1, 2, 3, 4}}},
     "type: 'Flatten' flatten_param { axis: 0 end_axis: 1 }",
     {{{2, 2}, {1, 2, 3, 4}}}},
    {"split", {{1.f, 2.f}}, "type: 'Split'", {{1.f, 2.f}, {1.f, 2.f}}},
    {"silence", {{1.f, 2.f}, {3.f}}, "type: 'Silence'", {}},
};

}  // namespace

std::vector<ForwardRow> forward_rows_of_elementwise() { return joined({kElementwise, kNormalization, kCombining}); }

}  // namespace crema

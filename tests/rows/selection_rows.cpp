// Gradient and forward rows of layers that pick and gather: ArgMax, Embed, Reduction, ..., and of sources and sinks.
// The numbers are worked out by hand, or by a few lines of Python that know nothing of crema.
#include <cmath>

#include "rows/row_tables.h"

namespace crema {
namespace {

const std::vector<GradientRow> kGradients = {
    {"batch_reindex", {{3, 2, 2}, {5}}, "type: 'BatchReindex'", {Gaussian{}, Labels{3}}},
    {"batch_reindex_wide", {{2, 70}, {4}}, "type: 'BatchReindex'", {Gaussian{}, Labels{2}}},
    {"batch_reindex_one", {{1}, {1}}, "type: 'BatchReindex'", {Gaussian{}, Labels{1}}},
    {"batch_reindex_nothing", {{3, 2}, {0}}, "type: 'BatchReindex'", {Gaussian{}, Labels{3}}},
    {"embed", {{3, 2}}, "type: 'Embed' embed_param { input_dim: 5 num_output: 3 }", Labels{5}},
    {"embed_unused_rows", {{2}}, "type: 'Embed' embed_param { input_dim: 40 num_output: 1 }", Labels{3}},
    {"embed_no_bias",
     {{4}},
     "type: 'Embed' embed_param { input_dim: 3 num_output: 2 bias_term: false weight_filler { type: 'gaussian' } }",
     Labels{3}},
    {"embed_wide",
     {{2, 1, 3}},
     "type: 'Embed' embed_param { input_dim: 2 num_output: 67 bias_filler { value: 0.5 } }",
     Labels{2}},
    {"filter", {{4, 3}, {4}}, "type: 'Filter'", {Gaussian{}, Values{{1, 0, -0.5, 0}}}},
    {"filter_all", {{2, 3, 1}, {2, 1, 1}}, "type: 'Filter'", {Gaussian{}, Values{{2, 1}}}},
    {"filter_none", {{3, 2}, {3}}, "type: 'Filter'", {Gaussian{}, Values{{0, 0, 0}}}},
    {"filter_several",
     {{4, 3}, {4}, {4, 2, 2}, {4, 1}},
     "type: 'Filter'",
     {Gaussian{}, Gaussian{}, Gaussian{}, Values{{0, 1, 1, 0}}},
     {},
     TRAIN,
     3},
    {"reduction_sum", {{2, 3}}, "type: 'Reduction'"},
    {"reduction_sum_axis", {{2, 3, 2}}, "type: 'Reduction' reduction_param { axis: 2 coeff: -2 }"},
    {"reduction_many_rows", {{70, 3}}, "type: 'Reduction' reduction_param { axis: 1 }"},
    {"reduction_asum", {{2, 5}}, "type: 'Reduction' reduction_param { operation: ASUM axis: 1 coeff: 0.3 }", Kink{0.0}},
    {"reduction_sumsq", {{3, 3}}, "type: 'Reduction' reduction_param { operation: SUMSQ axis: -1 coeff: 0.5 }"},
    {"reduction_sumsq_all", {{2, 1, 3}}, "type: 'Reduction' reduction_param { operation: SUMSQ }"},
    {"reduction_mean", {{2, 3, 2}}, "type: 'Reduction' reduction_param { operation: MEAN axis: 1 coeff: 3 }"},
    {"reduction_mean_one", {{1}}, "type: 'Reduction' reduction_param { operation: MEAN }"},
    {"reduction_loss", {{4, 2}}, "type: 'Reduction' reduction_param { operation: SUMSQ } loss_weight: 0.7"},
};

const Literal kRanked = {{2, 4}, {3, 9, 9, 1, -5, -1, -2, -1}};  // with equal ones
const Literal kPlanes = {{1, 3, 2}, {1, 8, 7, 2, 7, 3}};

const std::vector<ForwardRow> kArgMax = {
    {"arg_max", {kRanked}, "type: 'ArgMax'", {{{2, 1, 1}, {2, 3}}}},
    {"arg_max_top_3", {kRanked}, "type: 'ArgMax' argmax_param { top_k: 3 }", {{{2, 1, 3}, {2, 1, 0, 3, 1, 2}}}},
    {"arg_max_values", {kRanked}, "type: 'ArgMax' argmax_param { out_max_val: true }", {{{2, 2, 1}, {2, 9, 3, -1}}}},
    {"arg_max_values_top_2",
     {kRanked},
     "type: 'ArgMax' argmax_param { out_max_val: true top_k: 2 }",
     {{{2, 2, 2}, {2, 1, 9, 9, 3, 1, -1, -1}}}},
    {"arg_max_through_all_axes", {{{1, 2, 1, 2}, {1, 2, 4, 3}}}, "type: 'ArgMax'", {{{1, 1, 1, 1}, {2}}}},
    {"arg_max_single_numbers", {{{3}, {5, 6, 7}}}, "type: 'ArgMax'", {{{3, 1, 1}, {0, 0, 0}}}},
    {"arg_max_no_records", {{{0, 4}, {}}}, "type: 'ArgMax'", {{{0, 1, 1}, {}}}},
    {"arg_max_axis", {kPlanes}, "type: 'ArgMax' argmax_param { axis: 1 }", {{{1, 1, 2}, {2, 0}}}},
    {"arg_max_axis_values",
     {kPlanes},
     "type: 'ArgMax' argmax_param { axis: 1 out_max_val: true }",
     {{{1, 1, 2}, {7, 8}}}},
    {"arg_max_axis_top_2", {kPlanes}, "type: 'ArgMax' argmax_param { axis: 1 top_k: 2 }", {{{1, 2, 2}, {2, 0, 1, 2}}}},
    {"arg_max_axis_values_top_2",
     {kPlanes},
     "type: 'ArgMax' argmax_param { axis: 1 top_k: 2 out_max_val: true }",
     {{{1, 2, 2}, {7, 8, 7, 3}}}},
    {"arg_max_last_axis", {kPlanes}, "type: 'ArgMax' argmax_param { axis: -1 }", {{{1, 3, 1}, {1, 0, 0}}}},
    {"arg_max_not_numbers", {{{2, 3}, {NAN, 2, NAN, NAN, NAN, NAN}}}, "type: 'ArgMax'", {{{2, 1, 1}, {1, 2}}}},
    {"arg_max_not_numbers_axis",
     {{{3, 2}, {NAN, NAN, 2, NAN, NAN, NAN}}},
     "type: 'ArgMax' argmax_param { axis: 0 }",
     {{{1, 2}, {1, 2}}}},
    {"arg_max_not_numbers_top_3",
     {{{1, 4}, {NAN, 2, NAN, 3}}},
     "type: 'ArgMax' argmax_param { top_k: 4 }",
     {{{1, 1, 4}, {3, 1, 2, 0}}}},
};

const Literal kRecords = {{3, 2}, {1, 2, 3, 4, 5, 6}};
const Literal kNone = Literal(Dims{0}, {});
const Literal kSigned = {{2, 3}, {1, -2, 3, -4, 5, -6}};

const std::vector<ForwardRow> kGathering = {
    {"batch_reindex", {kRecords, {2.f, 0.f, 2.f, 1.f}}, "type: 'BatchReindex'", {{{4, 2}, {5, 6, 1, 2, 5, 6, 3, 4}}}},
    {"batch_reindex_nothing", {kRecords, kNone}, "type: 'BatchReindex'", {{{0, 2}, {}}}},
    {"embed",
     {{2.f, 0.f, 2.f}},
     "type: 'Embed' embed_param { input_dim: 3 num_output: 2 }",
     {{{3, 2}, {15, 26, 11, 22, 15, 26}}},
     {kRecords, {10.f, 20.f}}},
    {"embed_no_bias",
     {{{1, 2}, {1, 0}}},
     "type: 'Embed' embed_param { input_dim: 3 num_output: 2 bias_term: false }",
     {{{1, 2, 2}, {3, 4, 1, 2}}},
     {kRecords}},
    {"embed_nothing",
     {kNone},
     "type: 'Embed' embed_param { input_dim: 3 num_output: 2 }",
     {{{0, 2}, {}}},
     {kRecords, {10.f, 20.f}}},
    {"filter",
     {kRecords, {7.f, 8.f, 9.f}, {{3, 1}, {0, 1, -0.5f}}},
     "type: 'Filter'",
     {{{2, 2}, {3, 4, 5, 6}}, {{2}, {8, 9}}}},
    {"filter_none", {kRecords, {0.f, 0.f, 0.f}}, "type: 'Filter'", {{{0, 2}, {}}}},
    {"reduction_sum", {kSigned}, "type: 'Reduction'", {{kScalar, {-3}}}},
    {"reduction_sum_axis", {kSigned}, "type: 'Reduction' reduction_param { axis: 1 }", {{{2}, {2, -5}}}},
    {"reduction_asum",
     {kSigned},
     "type: 'Reduction' reduction_param { operation: ASUM axis: -1 coeff: 0.5 }",
     {{{2}, {3, 7.5f}}}},
    {"reduction_sumsq", {kSigned}, "type: 'Reduction' reduction_param { operation: SUMSQ axis: 1 }", {{{2}, {14, 77}}}},
    {"reduction_mean", {kSigned}, "type: 'Reduction' reduction_param { operation: MEAN }", {{kScalar, {-0.5f}}}},
    {"reduction_mean_axis",
     {kSigned},
     "type: 'Reduction' reduction_param { operation: MEAN axis: 1 coeff: 3 }",
     {{{2}, {2, -5}}}},
    {"reduction_nothing", {{{2, 0}, {}}}, "type: 'Reduction' reduction_param { operation: MEAN axis: 1 }", {0, 0}},
};

}  // namespace

std::vector<GradientRow> gradient_rows_of_selection() { return kGradients; }

std::vector<ForwardRow> forward_rows_of_selection() { return joined({kArgMax, kGathering}); }

}  // namespace crema

// Forward rows of softmax, losses, accuracy, and of what reads or makes data.
// The numbers are worked out by hand, or by a few lines of Python that know nothing of crema.
#include "rows/row_tables.h"

namespace crema {
namespace {

const Literal kScores({2, 3}, {1, 2, 3, 0, 0, 0});  // -ln of the probabilities: 0.40760596 (class 2), 1.0986123
const Literal kScoresOfPlaces({1, 3, 2}, {1, 0, 2, 0, 3, 0});  // the same two, as two places of one record
const Literal kScoresToRank({4, 3}, {1, 2, 3, 3, 2, 1, 1, 3, 2, 2, 2, 0});

const std::vector<ForwardRow> kLosses = {
    {"softmax",
     {{{2, 3}, {1, 2, 3, 1, 1, 1}}},
     "type: 'Softmax'",
     {{{2, 3}, {0.090030573f, 0.24472847f, 0.66524096f, 0.33333333f, 0.33333333f, 0.33333333f}}}},
    {"softmax_places",
     {{{1, 3, 2}, {1, 0, 2, 0, 4, 0}}},
     "type: 'Softmax'",
     {0.042010066f, 0.33333333f, 0.1141952f, 0.33333333f, 0.84379473f, 0.33333333f}},
    {"softmax_last_axis",
     {{{1, 3, 2}, {1, 0, 2, 0, 4, 0}}},
     "type: 'Softmax' softmax_param { axis: -1 }",
     {0.73105858f, 0.26894142f, 0.88079708f, 0.11920292f, 0.98201379f, 0.01798621f}},
    {"softmax_large_scores", {{{1, 2}, {1000, 1000}}}, "type: 'Softmax'", {0.5f, 0.5f}},
    {"softmax_loss", {kScores, {2.f, 0.f}}, "type: 'SoftmaxWithLoss'", {{kScalar, {0.75310913f}}}},
    {"softmax_loss_probabilities",
     {kScores, {2.f, 0.f}},
     "type: 'SoftmaxWithLoss'",
     {{kScalar, {0.75310913f}},
      {{2, 3}, {0.090030573f, 0.24472847f, 0.66524096f, 0.33333333f, 0.33333333f, 0.33333333f}}}},
    {"softmax_loss_axis",
     {{{1, 2, 3}, {1, 2, 3, 0, 0, 1}}, {{1, 2}, {0, 2}}},
     "type: 'SoftmaxWithLoss' softmax_param { axis: 2 }",
     {1.4795253f}},
    {"softmax_loss_ignore",
     {kScores, {2.f, 0.f}},
     "type: 'SoftmaxWithLoss' loss_param { ignore_label: 0 }",
     {0.40760596f}},
    {"softmax_loss_full",
     {kScores, {2.f, 0.f}},
     "type: 'SoftmaxWithLoss' loss_param { ignore_label: 0 normalization: FULL }",
     {0.20380298f}},
    {"softmax_loss_batch_size",
     {kScoresOfPlaces, {{1, 2}, {2, 1}}},
     "type: 'SoftmaxWithLoss' loss_param { normalization: BATCH_SIZE }",
     {1.5062183f}},
    {"softmax_loss_sum",
     {kScores, {2.f, 0.f}},
     "type: 'SoftmaxWithLoss' loss_param { normalization: NONE }",
     {1.5062183f}},
    {"softmax_loss_old_form",
     {kScoresOfPlaces, {{1, 2}, {2, 1}}},
     "type: 'SoftmaxWithLoss' loss_param { normalize: false }",
     {1.5062183f}},
    {"euclidean_loss", {{{2, 2}, {1, 2, 3, 5}}, {{2, 2}, {0, 2, 1, 1}}}, "type: 'EuclideanLoss'", {{kScalar, {5.25f}}}},
    {"accuracy", {kScoresToRank, {2.f, 1.f, 1.f, 0.f}}, "type: 'Accuracy'", {{kScalar, {0.5f}}}},
    {"accuracy_by_class",
     {kScoresToRank, {2.f, 1.f, 1.f, 0.f}},
     "type: 'Accuracy'",
     {{kScalar, {0.5f}}, {{3}, {0, 0.5f, 1}}}},
    {"accuracy_top_2", {kScoresToRank, {2.f, 1.f, 1.f, 0.f}}, "type: 'Accuracy' accuracy_param { top_k: 2 }", {1.f}},
    {"accuracy_ignore",
     {kScoresToRank, {2.f, 1.f, 1.f, 0.f}},
     "type: 'Accuracy' accuracy_param { ignore_label: 0 }",
     {0.66666667f}},
    {"accuracy_axis",
     {{{1, 2, 3}, {1, 2, 3, 3, 2, 1}}, {{1, 2}, {2, 1}}},
     "type: 'Accuracy' accuracy_param { axis: 2 }",
     {0.5f}},
    {"accuracy_flat_labels",
     {{{2, 2, 3}, {1, 2, 3, 3, 2, 1, 1, 3, 2, 2, 2, 0}}, {{4}, {2, 1, 1, 0}}},
     "type: 'Accuracy' accuracy_param { axis: 2 }",
     {0.5f}},
    {"accuracy_labels_of_more_axes",
     {kScoresToRank, {{2, 1, 2}, {2.f, 1.f, 1.f, 0.f}}},
     "type: 'Accuracy'",
     {{kScalar, {0.5f}}, {{3}, {0, 0.5f, 1}}}},
};

const std::vector<ForwardRow> kSources = {
    {"dummy_data_zeros", {}, "type: 'DummyData' dummy_data_param { shape { dim: 2 } }", {{{2}, {0, 0}}}},
    {"dummy_data",
     {},
     "type: 'DummyData' dummy_data_param { shape { dim: 2 } shape { dim: 1 dim: 1 } "
     "data_filler { value: 3 } data_filler { type: 'uniform' min: 0.5 max: 0.5 } }",
     {{{2}, {3, 3}}, {{1, 1}, {0.5f}}}},
    {"dummy_data_old_form",
     {},
     "type: 'DummyData' dummy_data_param { num: 1 channels: 2 height: 1 width: 2 data_filler { value: -1 } }",
     {{{1, 2, 1, 2}, {-1, -1, -1, -1}}}},
    {"hdf5_data_goes_on_in_the_next_file",
     {},
     "type: 'HDF5Data' hdf5_data_param { source: '{files}/hdf5.txt' batch_size: 3 }",
     {{{3, 2}, {1, 2, 3, 4, 5, 6}}, {{3}, {10, 20, 30}}}},
    {"hdf5_data_first_records",
     {},
     "type: 'HDF5Data' hdf5_data_param { source: '{files}/hdf5.txt' batch_size: 3 first_records: 2 }",
     {{{3, 2}, {1, 2, 3, 4, 1, 2}}, {{3}, {10, 20, 10}}}},
    {"data_first_records",
     {},
     "type: 'Data' transform_param { crop_size: 1 } data_param { backend: IDX source: '{files}/a-images-idx3-ubyte' "
     "batch_size: 2 first_records: 1 }",
     {{{2, 1, 1, 1}, {5, 5}}, {{2}, {7, 7}}},
     {},
     TEST},
    {"data_idx",
     {},
     "type: 'Data' data_param { backend: IDX source: '{files}/a-images-idx3-ubyte' batch_size: 2 prefetch: 1 }",
     {{{2, 1, 3, 4},
       {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111}},
      {{2}, {7, 3}}}},
    {"data_idx_labels_elsewhere",
     {},
     "type: 'Data' data_param { backend: IDX source: '{files}/a-images-idx3-ubyte' label_source: '{files}/others' "
     "batch_size: 1 }",
     {{{1, 1, 3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}, {9.f}}},
    {"data_scale_mean",
     {},
     "type: 'Data' transform_param { scale: 0.5 mean_value: 2 } "
     "data_param { backend: IDX source: '{files}/a-images-idx3-ubyte' batch_size: 1 }",
     {{{1, 1, 3, 4}, {-1, -0.5f, 0, 0.5f, 1, 1.5f, 2, 2.5f, 3, 3.5f, 4, 4.5f}}}},
    {"data_crop_in_the_centre",
     {},
     "type: 'Data' transform_param { crop_size: 2 } "
     "data_param { backend: IDX source: '{files}/a-images-idx3-ubyte' batch_size: 1 }",
     {{{1, 1, 2, 2}, {1, 2, 5, 6}}},
     {},
     TEST},
};

}  // namespace

std::vector<ForwardRow> forward_rows_of_losses() { return joined({kLosses, kSources}); }

}  // namespace crema

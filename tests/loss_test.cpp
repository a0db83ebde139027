// What losses refuse; that they give the same bits on any number of threads, and numbers for scores of any size.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/parallel.h"
#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

// --- refusals --------------------------------------------------------------------------------------------------------

struct Refusal {
  std::string name;
  std::vector<std::vector<long>> bottoms;
  std::string layer;
  std::string message;             // its end, without the list of bottoms
  std::vector<float> labels = {};  // bottom 1 where the message comes with the first forward pass
};

void PrintTo(const Refusal& row, std::ostream* out) { *out << row.layer; }

const std::vector<Refusal> kRefusals = {
    {"wanted_probabilities_undeclared",
     {{4, 3}, {4, 3}},
     "type: 'SoftmaxWithLoss'",
     "bottom 1 has the shape of bottom 0 (4 3), and not one label for each place; if it holds the wanted probability "
     "of "
     "each class, say loss_param { soft_labels: true }"},
    {"wanted_probabilities_of_another_shape",
     {{4, 3}, {4}},
     "type: 'SoftmaxWithLoss' loss_param { soft_labels: true }",
     "soft_labels: bottom 1 (4) must have the shape of bottom 0 (4 3)"},
    {"wanted_probabilities_and_ignore_label",
     {{4, 3}, {4, 3}},
     "type: 'SoftmaxWithLoss' loss_param { soft_labels: true ignore_label: 0 }",
     "ignore_label is given with soft_labels: there is no label to compare"},
    {"negative_probability",
     {{2, 2}, {2, 2}},
     "type: 'SoftmaxWithLoss' loss_param { soft_labels: true }",
     "bottom 1 wants -0.5 of record 1, element 0; a probability is finite and not negative",
     {1, 0, -0.5f, 1}},
    {"probability_that_is_no_number",
     {{2, 2}, {2, 2}},
     "type: 'SoftmaxWithLoss' loss_param { soft_labels: true }",
     "bottom 1 wants nan of record 0, element 1; a probability is finite and not negative",
     {1, NAN, 0.5f, 1}},
    {"all_smoothing",
     {{4, 3}, {4}},
     "type: 'SoftmaxWithLoss' loss_param { label_smoothing: 1 }",
     "label_smoothing is 1; it must be in [0, 1)"},
    {"smoothing_of_infogain",
     {{4, 3}, {4}, {3, 3}},
     "type: 'InfogainLoss' loss_param { label_smoothing: 0.1 }",
     "loss_param.label_smoothing is for SoftmaxWithLoss alone"},
    {"smoothing_of_targets",
     {{4, 3}, {4, 3}},
     "type: 'SigmoidCrossEntropyLoss' loss_param { label_smoothing: 0.1 }",
     "loss_param.label_smoothing is for SoftmaxWithLoss alone"},
    {"wanted_probabilities_of_focal_loss",
     {{4, 3}, {4}},
     "type: 'FocalLoss' loss_param { soft_labels: true }",
     "loss_param.soft_labels is for SoftmaxWithLoss alone"},
    {"no_weights",
     {{4, 3}, {4}},
     "type: 'InfogainLoss'",
     "the weights are given neither by source nor as bottom 2; they come from one of the two"},
    {"few_weights",
     {{4, 3}, {4}, {3, 2}},
     "type: 'InfogainLoss'",
     "bottom 2 has 6 weights; 3 classes (axis 1 of 4 3) take 9"},
    {"weights_that_are_none",
     {{4, 3}, {4}},
     "type: 'InfogainLoss' infogain_loss_param { source: 'README.md' }",
     "infogain matrix README.md: is not a BlobProto (.binaryproto)"},
    {"label_of_infogain",
     {{2, 3}, {2}, {3, 3}},
     "type: 'InfogainLoss'",
     "label 3 of record 1 is not one of the 3 classes (whole numbers 0 to 2)",
     {0, 3}},
    {"labels_of_places",
     {{4, 3, 2}, {4, 2}},
     "type: 'HingeLoss'",
     "bottom 1 (4 2) must have one label for each of the 4 records of bottom 0 (4 3 2)"},
    {"label_of_hinge",
     {{2, 3}, {2}},
     "type: 'HingeLoss'",
     "label -1 of record 0 is not one of the 3 classes (whole numbers 0 to 2)",
     {-1, 0}},
    {"label_of_logistic",
     {{2, 3}, {2}},
     "type: 'MultinomialLogisticLoss'",
     "label 0.5 of record 1 is not one of the 3 classes (whole numbers 0 to 2)",
     {0, 0.5f}},
    {"label_of_focal",
     {{2, 3}, {2}},
     "type: 'FocalLoss'",
     "label 7 of record 0 is not one of the 3 classes (whole numbers 0 to 2)",
     {7, 0}},
    {"focal_without_alpha",
     {{2, 3}, {2}},
     "type: 'FocalLoss' focal_loss_param { alpha: 0 }",
     "alpha is 0; it must be positive"},
    {"focal_below_0",
     {{2, 3}, {2}},
     "type: 'FocalLoss' focal_loss_param { gamma: -1 }",
     "gamma is -1; it must not be negative"},
    {"linear_without_gamma",
     {{2, 3}, {2}},
     "type: 'FocalLoss' focal_loss_param { type: LINEAR gamma: 0 }",
     "gamma is 0; type LINEAR divides by it"},
    {"pairs_of_images",
     {{2, 3, 2, 2}, {2, 3, 2, 2}, {2}},
     "type: 'ContrastiveLoss'",
     "bottom 0 (2 3 2 2) must be records of C numbers: N C or N C 1 1"},
    {"pairs_with_few_labels",
     {{2, 3}, {2, 3}, {3}},
     "type: 'ContrastiveLoss'",
     "bottom 2 (3) must have one label for each of the 2 records of bottom 0 (2 3)"},
    {"targets_of_another_size",
     {{4, 3}, {4, 2}},
     "type: 'SigmoidCrossEntropyLoss'",
     "bottoms 0 and 1 must have as many records of the same size; they are 4 3 and 4 2"},
    {"weights_of_another_size",
     {{4, 3}, {4, 3}, {4, 3}, {4}},
     "type: 'SmoothL1Loss'",
     "bottoms 0 and 3 must have as many records of the same size; they are 4 3 and 4"},
    {"sigma",
     {{4, 3}, {4, 3}},
     "type: 'SmoothL1Loss' smooth_l1_loss_param { sigma: 0 }",
     "sigma is 0; it must be positive"},
    {"epsilon", {{4, 3}}, "type: 'L1Loss' l1_loss_param { epsilon: -1 }", "epsilon is -1; it must not be negative"},
    {"plateau", {{4, 3}}, "type: 'L1Loss' l1_loss_param { plateau: -1 }", "plateau is -1; it must not be negative"},
    {"prescale",
     {{4, 3}},
     "type: 'L1Loss' l1_loss_param { l2_prescale_by_channels: true }",
     "l2_prescale_by_channels is set without l2_per_location: there is no sum over channels"},
    {"no_channels",
     {{4}},
     "type: 'L1Loss' l1_loss_param { l2_per_location: true }",
     "bottom 0 (4) has no axis 1, and l2_per_location needs the channels there"},
};

std::string text_of(const std::vector<std::vector<long>>& bottoms, std::string layer) {
  std::string inputs;
  for (size_t b = 0; b < bottoms.size(); ++b) {
    inputs += input_text(fmt::format("in{}", b), bottoms[b]);
    layer += fmt::format(" bottom: 'in{}'", b);
  }
  return inputs + "layer { name: 'L' " + layer + " top: 'y' }\n";
}

class Refuses : public testing::TestWithParam<Refusal> {};

TEST_P(Refuses, WithAReason) {
  const Refusal& row = GetParam();
  const std::string message = message_of([&] {
    const auto net = net_of(text_of(row.bottoms, row.layer));
    for (size_t b = 0; b < row.bottoms.size(); ++b) fill_input(*net, fmt::format("in{}", b), 0, 0);
    if (!row.labels.empty()) set_input(*net, "in1", row.labels);
    net->forward();
  });
  EXPECT_NE(message.find("): " + row.message), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(Rows, Refuses, testing::ValuesIn(kRefusals), [](const auto& info) { return info.param.name; });

// --- threads ---------------------------------------------------------------------------------------------------------

struct Large {
  std::string name;
  std::vector<std::vector<long>> bottoms;
  std::string layer;
  int labels = -1;  // the bottom that holds labels 0 and 1
};

void PrintTo(const Large& row, std::ostream* out) { *out << row.layer; }

const std::vector<long> kImages = {3, 2, 100, 103}, kPlaces = {3, 100, 103}, kRecords = {501, 67};

const std::vector<Large> kLarge = {
    {"softmax_smoothing", {kImages, kPlaces}, "type: 'SoftmaxWithLoss' loss_param { label_smoothing: 0.1 }", 1},
    {"softmax_soft", {kImages, kImages}, "type: 'SoftmaxWithLoss' loss_param { soft_labels: true }"},
    {"infogain", {kImages, kPlaces, {2, 2}}, "type: 'InfogainLoss'", 1},
    {"hinge", {kRecords, {501}}, "type: 'HingeLoss'", 1},
    {"multinomial", {kRecords, {501}}, "type: 'MultinomialLogisticLoss'", 1},
    {"contrastive", {kRecords, kRecords, {501}}, "type: 'ContrastiveLoss' contrastive_loss_param { margin: 9 }", 2},
    {"sigmoid_cross_entropy", {kImages, kImages}, "type: 'SigmoidCrossEntropyLoss'"},
    {"smooth_l1", {kImages, kImages, kImages, kImages}, "type: 'SmoothL1Loss'"},
    {"focal", {kImages, kPlaces}, "type: 'FocalLoss'", 1},
    {"focal_linear", {kImages, kPlaces}, "type: 'FocalLoss' focal_loss_param { type: LINEAR }", 1},
    {"l1", {kImages, kImages}, "type: 'L1Loss'"},
    {"l1_lengths", {kImages, kImages}, "type: 'L1Loss' l1_loss_param { l2_per_location: true }"},
};

// One pass. `scores` changes bottom 0 before it.
Seen pass_of(
    const Large& row, int threads, const std::function<void(Blob&)>& scores = [](Blob&) {}) {
  const ThreadScope scope(threads);
  const auto net = net_of("force_backward: true " + text_of(row.bottoms, row.layer));
  for (int b = 0; b < static_cast<int>(row.bottoms.size()); ++b) {
    const std::string name = fmt::format("in{}", b);
    fill_input(*net, name, 0, 1);
    real* x = net->input(name).mutable_data();
    for (long i = 0; b == row.labels && i < net->input(name).count(); ++i) x[i] = x[i] < 0.5f ? 0 : 1;
  }
  scores(net->input("in0"));
  net->forward();
  net->backward();
  return see(*net);
}

class Threads : public testing::TestWithParam<Large> {};

TEST_P(Threads, GiveTheSameBits) {
  const Seen one = pass_of(GetParam(), 1);
  for (const int threads : {2, 3}) EXPECT_TRUE(same(pass_of(GetParam(), threads), one)) << threads << " threads";
}

INSTANTIATE_TEST_SUITE_P(Rows, Threads, testing::ValuesIn(kLarge), [](const auto& info) { return info.param.name; });

// --- large scores ----------------------------------------------------------------------------------------------------

class LargeScores : public testing::TestWithParam<Large> {};

TEST_P(LargeScores, GiveNumbers) {
  const Seen seen = pass_of(GetParam(), 0, [](Blob& x) {
    for (long i = 0; i < x.count(); ++i) x.mutable_data()[i] = static_cast<real>(i % 7 / 3 - 1) * 1000;
  });
  for (const auto& [name, values] : seen) {
    for (size_t i = 0; i < values.size(); ++i) ASSERT_TRUE(std::isfinite(values[i])) << name << ", element " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, LargeScores, testing::ValuesIn(kLarge),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace crema

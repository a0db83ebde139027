// The commands that look at nets without training them: time, check, info, draw.
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>

#include "core/layer.h"
#include "support/data_files.h"
#include "support/nets.h"
#include "support/program.h"
#include "support/sanitizer.h"

namespace crema {
namespace {

constexpr const char* kLenet = "models/lenet/train_test.prototxt";
constexpr const char* kOnDigits = "models/lenet/train_test.prototxt --stage mnist-10k";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The line that begins with `name`, as words with one space between them.
std::string line_of(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, joined;
    words >> first;
    if (first != name) continue;
    joined = first;
    for (std::string word; words >> word;) joined += ' ' + word;
    return joined;
  }
  return "no line " + name;
}

size_t lines_in(const std::string& text) { return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')); }

// A net whose data is missing. `fields`: more fields of the data layer; `more`: more layers.
std::string net_without_data(const std::string& fields, const std::string& more = "") {
  return "name: 'away'\nlayer { name: 'data' type: 'Data' top: 'data' top: 'label'\n" + fields + R"( }
layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv' convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: 'ip' type: 'InnerProduct' bottom: 'conv' top: 'ip' inner_product_param { num_output: 10 } }
layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }
)" + more;
}
const std::string kAway = "data_param { source: 'not_here' backend: LMDB batch_size: 8 }";

// --- check -----------------------------------------------------------------------------------------------------------

TEST(Check, tells_what_lenet_takes) {
  const Result result = crema(std::string("check ") + kOnDigits + " --phase TRAIN");
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  // Worked out by hand: weights and biases, and the kernel's size for each top element.
  const long conv1 = 20 * 1 * 25 + 20, conv2 = 50 * 20 * 25 + 50, ip1 = 500 * 800 + 500, ip2 = 10 * 500 + 10;
  EXPECT_EQ(conv1 + conv2 + ip1 + ip2, 431080);
  const long products = 20L * 24 * 24 * 25 + 50L * 8 * 8 * 20 * 25 + 500 * 800 + 10 * 500;
  EXPECT_EQ(products, 2293000);
  EXPECT_EQ(line_of(result.out, "conv1"), "conv1 Convolution conv1 64 20 24 24 520 18.43 M");
  EXPECT_EQ(line_of(result.out, "conv2"), "conv2 Convolution conv2 64 50 8 8 25,050 102.4 M");
  EXPECT_EQ(line_of(result.out, "data"), "data Data data 64 1 28 28, label 64");
  EXPECT_EQ(line_of(result.out, "9"),
            "9 layers, 431,080 parameters, 146.8 M multiply-adds in a forward pass, 2.293 M for each of 64");
  EXPECT_TRUE(has(result.out, " + 3.45 MB parameters and their gradients + ")) << result.out;
}

// In MB. The program itself grows, too: by oneDNN's code for kernels, and by what libraries allocate when first used.
constexpr double kBeside = 20;

TEST(Check, predicts_what_training_takes) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", input_text("data", {32, 3, 64, 64}) + input_text("label", {32}) +
                                                           R"(
layer { name: 'conv1' type: 'Convolution' bottom: 'data' top: 'conv1'
  convolution_param { num_output: 32 kernel_size: 3 pad: 1 } }
layer { name: 'bn' type: 'BatchNorm' bottom: 'conv1' top: 'bn' }
layer { name: 'relu' type: 'ReLU' bottom: 'bn' top: 'bn' }
layer { name: 'pool' type: 'Pooling' bottom: 'bn' top: 'pool' pooling_param { kernel_size: 2 stride: 2 } }
layer { name: 'conv2' type: 'Convolution' bottom: 'pool' top: 'conv2' convolution_param { num_output: 64 kernel_size: 5 } }
layer { name: 'lrn' type: 'LRN' bottom: 'conv2' top: 'lrn' }
layer { name: 'ip' type: 'InnerProduct' bottom: 'lrn' top: 'ip' inner_product_param { num_output: 100 } }
layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }
)");
  for (const std::string engine : {"plain", default_engine() == Engine::plain ? "" : "onednn"}) {
    if (engine.empty()) continue;
    const Result check = crema(fmt::format("check --engine {} --phase TRAIN {}", engine, net));
    const std::string begin = "memory for training: ";
    const size_t at = check.out.find(begin);
    ASSERT_NE(at, std::string::npos) << check.out;
    const double predicted = std::stod(check.out.substr(at + begin.size()));
    const Result time =
        crema(fmt::format("time --deterministic --engine {} --json --iterations 1 --model {}", engine, net));
    ASSERT_EQ(time.code, 0) << time.err;
    const double measured = nlohmann::json::parse(time.out)["totals"]["peak_bytes"].get<double>() / 1e6;
    RecordProperty(engine, fmt::format("{:.1f} MB predicted, {:.1f} MB measured", predicted, measured));
    EXPECT_NEAR(measured, predicted, 0.1 * predicted + kBeside) << engine;
  }
}

TEST(Check, shows_both_phases_unless_they_are_one) {
  const Result both = crema(std::string("check ") + kOnDigits);
  EXPECT_EQ(both.code, 0) << both.err;
  EXPECT_TRUE(has(both.out, "train_test.prototxt, phase TRAIN\n") &&
              has(both.out, "train_test.prototxt, phase TEST\n"));
  EXPECT_TRUE(has(both.out, "memory for training: ") && has(both.out, "memory for inference: "));
  EXPECT_EQ(line_of(both.out, "accuracy"), "accuracy Accuracy accuracy scalar");

  const TempFolder folder;
  const std::string deploy = folder.write("deploy.prototxt", input_text("x", {2, 3}) +
                                                                 "layer { name: 'ip' type: 'InnerProduct' bottom: 'x' "
                                                                 "top: 'ip' inner_product_param { num_output: 4 } }");
  const Result once = crema("check " + deploy);
  EXPECT_EQ(once.code, 0) << once.err;
  EXPECT_TRUE(once.out.starts_with(deploy + ", phases TRAIN and TEST\n")) << once.out;
  EXPECT_TRUE(has(once.out, "nothing to train: no loss reaches a parameter\nmemory for inference: "));
}

TEST(Check, takes_shapes_for_data_that_is_not_there) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", net_without_data(kAway));
  const Result given = crema("check --shape data=2,1,6,5 " + net);
  EXPECT_EQ(given.code, 0) << given.err;
  EXPECT_EQ(line_of(given.out, "data"), "data Data data 2 1 6 5 (given), label 2 (given)");
  EXPECT_EQ(line_of(given.out, "conv"), "conv Convolution conv 2 4 4 3 40 864");  // 2 * 4 * 4 * 3 times 9

  // Missing data is not an error of the net.
  const Result unknown = crema("check " + net);
  EXPECT_EQ(unknown.code, 0);
  EXPECT_EQ(unknown.err, "");
  EXPECT_TRUE(has(unknown.out, "note: " + net +
                                   ":2: layer \"data\" (Data): shape unknown: give --shape data=N,C,H,W (" + net +
                                   ":3:14: data_param.source \"not_here\" is neither"))
      << unknown.out;
  EXPECT_TRUE(has(unknown.out, "left out: data, conv, ip, loss\n")) << unknown.out;

  const Result wrong = crema("check --shape dta=2,1,6,5 --shape data=2,1,6,5 " + net);
  EXPECT_EQ(wrong.code, 1);
  EXPECT_EQ(wrong.err, "crema: --shape dta: no data layer has that top; did you mean \"data\"?\n");

  // A source that exists is replaced as well.
  const Result other = crema(fmt::format("check {} --phase TRAIN --shape data=3,1,28,28", kOnDigits));
  EXPECT_EQ(line_of(other.out, "data"), "data Data data 3 1 28 28 (given), label 3 (given)") << other.err;
}

TEST(Check, assumes_crops_of_three_channels) {
  const TempFolder folder;
  const std::string crop = "transform_param { crop_size: 7 } ";
  const std::string net = folder.write("net.prototxt", net_without_data(crop + kAway));
  const Result result = crema("check " + net);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(line_of(result.out, "data"), "data Data data 8 3 7 7 (assumed), label 8 (assumed)");
  const std::string grey =
      folder.write("grey.prototxt", net_without_data("transform_param { crop_size: 7 force_gray: true } " + kAway));
  EXPECT_EQ(line_of(crema("check " + grey).out, "data"), "data Data data 8 1 7 7 (assumed), label 8 (assumed)");
}

TEST(Check, takes_what_other_data_layers_say_of_their_shape) {
  const TempFolder folder;
  const auto shape = [&](const std::string& layer, const std::string& flags) {
    const std::string net =
        folder.write("net.prototxt", "layer { name: 'data' top: 'data' top: 'label' " + layer +
                                         " }\nlayer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' "
                                         "inner_product_param { num_output: 10 } }");
    return line_of(crema("check " + net + flags).out, "data");
  };
  EXPECT_EQ(shape("type: 'HDF5Data' hdf5_data_param { source: 'none' batch_size: 4 }", " --shape data=4,9"),
            "data HDF5Data data 4 9 (given), label 4 (given)");
  EXPECT_EQ(shape("type: 'ImageData' image_data_param { source: 'none' batch_size: 4 new_height: 5 new_width: 6 }", ""),
            "data ImageData data 4 3 5 6 (assumed), label 4 (assumed)");
  EXPECT_EQ(
      shape("type: 'WindowData' transform_param { crop_size: 9 } window_data_param { source: 'none' batch_size: 4 }",
            ""),
      "data WindowData data 4 3 9 9 (assumed), label 4 (assumed)");
  EXPECT_TRUE(shape("type: 'MemoryData' memory_data_param { batch_size: 2 channels: 3 height: 5 width: 6 }", "")
                  .starts_with("data MemoryData data 2 3 5 6"));
}

TEST(Check, says_all_that_is_wrong) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", net_without_data(kAway, R"(
layer { name: 'relu' type: 'ReLu' bottom: 'conv' top: 'conv' }
layer { name: 'pool' type: 'Pooling' bottom: 'conv' top: 'pool' }
layer { name: 'drop' type: 'Dropout' bottom: 'ipp' top: 'drop' }
layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 dim: 2 dim: 2 } } }
layer { name: 'big' type: 'Convolution' bottom: 'x' top: 'big' convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: 'after' type: 'ReLU' bottom: 'big' top: 'big' }
layer { name: 'fine' type: 'InnerProduct' bottom: 'x' top: 'fine' inner_product_param { num_output: 4 } }
)"));
  const std::string solver = folder.write("solver.prototxt", "net: 'none.prototxt' base_lr: -1 max_iter: 5\n");
  const Result result = crema(fmt::format("check {} {} {}", net, folder / "none", solver));
  EXPECT_EQ(result.code, 1);
  for (const char* part :
       {":8:22: layer \"relu\" has unknown type \"ReLu\"; did you mean \"ReLU\"?\n",
        ":10: layer \"drop\" (Dropout): bottom \"ipp\" is not a top of any layer before it; did you mean \"ip\"?\n",
        ":12: layer \"big\" (Convolution): ", "/none: cannot open: No such file or directory\n",
        "solver.prototxt:1:", "base_lr is -1; it must be a number of at least 0\n", "\"none.prototxt\""}) {
    EXPECT_TRUE(has(result.err, part)) << part << " in\n" << result.err;
  }
  EXPECT_EQ(line_of(result.out, "fine"), "fine InnerProduct fine 2 4 52 96") << result.out;
  EXPECT_TRUE(has(line_of(result.out, "left"), "big, after")) << result.out;
}

// Faults that the reader of the text finds, and other faults. The type of a layer with a fault is still checked.
TEST(Check, goes_on_after_faults_of_the_text) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", input_text("x", {2, 3}) + R"(
layer { name: 'a' type: 'InnerProduct' bottom: 'x' top: 'a' inner_product_param { num_otput: 4 } }
layer { name: 'b' type: 'ReLU' bottom: 'a' top: 'b' }
layer { name: 'roi' type: 'ROIPooling' bottom: 'x' top: 'roi' roi_pooling_param { pooled_w: 7 } }
layer { name: 'both' type: 'ReLu' bottom: 'x' top: 'both' colour: 1 }
layer { name: 'c' type: 'ReLU' bottom: 'xx' top: 'c' }
layer { name: 'd' type: 'ReLU' bottom: 'x' top: 'd' relu_param { slope: 1 } relu_params { } }
layer { name: 'fine' type: 'InnerProduct' bottom: 'x' top: 'fine' inner_product_param { num_output: 4 } }
)");
  const Result result = crema("check " + net);
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(lines_in(result.err), 7u) << result.err;
  for (const char* part :
       {"has no field \"colour\"", "layer \"both\" has unknown type \"ReLu\"; did you mean \"ReLU\"?\n",
        "has no field \"num_otput\"; did you mean \"num_output\"?\n", "layer \"roi\" has unknown type \"ROIPooling\"\n",
        "bottom \"xx\" is not a top of any layer before it\n", "has no field \"slope\"",
        "has no field \"relu_params\"; did you mean \"relu_param\"?\n"}) {
    EXPECT_TRUE(has(result.err, part)) << part << " in\n" << result.err;
  }
  EXPECT_EQ(line_of(result.out, "fine"), "fine InnerProduct fine 2 4 16 24") << result.out;
  EXPECT_EQ(line_of(result.out, "left"), "left out: a, b, roi, both, d, c") << result.out;

  const std::string solver = folder.write("solver.prototxt", "net: '" + net + "'\nbase_Ir: 0.1\nlr_policy: 'fixed'\n");
  const Result both = crema("check " + solver);
  EXPECT_EQ(both.code, 1);
  for (const char* part : {"base_Ir", "num_otput", "slope", "relu_params"}) {
    EXPECT_TRUE(has(both.err, part)) << part << " in\n" << both.err;
  }
  EXPECT_FALSE(has(both.err, "base_lr is not set")) << both.err;
}

TEST(Check, reads_pipes) {
  const TempFolder folder;
  const std::string net =
      folder.write("net.prototxt", input_text("x", {2, 3}) + "layer { name: 'r' type: 'ReLU' bottom: 'x' top: 'r' }\n");
  for (const std::string file : {"-", "/dev/stdin"}) {
    const Result result = crema("check " + file + " < " + net);
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(line_of(result.out, "r"), "r ReLU r 2 3") << result.out;
    EXPECT_EQ(crema("draw --output " + (folder / "a.dot") + " --model " + file + " < " + net).code, 0);
  }
}

// A file is not meant for a phase if that phase has no data, or needs blobs that only layers of the other phase make.
TEST(Check, tells_a_file_for_one_phase) {
  const TempFolder folder;
  const std::string rest =
      R"(layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'ip' inner_product_param { num_output: 4 } }
layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'y' top: 'loss' }
)";
  const auto data = [](const std::string& top, const std::string& shape, const std::string& rule) {
    return fmt::format(
        "layer {{ name: '{0}' type: 'DummyData' top: '{0}' {2} dummy_data_param {{ shape {{ {1} }} }} }}\n", top, shape,
        rule);
  };
  const std::string train = "include { phase: TRAIN }", test = "include { phase: TEST }";
  const struct {
    std::string text;
    const char *checked, *not_checked;
  } rows[] = {
      {data("x", "dim: 2 dim: 3", train) + data("y", "dim: 2", train) + rest, "TRAIN", "TEST"},
      {data("x", "dim: 2 dim: 3", test) + data("y", "dim: 2", test) + rest, "TEST", "TRAIN"},
      {data("x", "dim: 2 dim: 3", "") + data("y", "dim: 2", train) + rest, "TRAIN", "TEST"},
  };
  for (const auto& row : rows) {
    const std::string net = folder.write("net.prototxt", row.text);
    const Result result = crema("check " + net);
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.err, "");
    EXPECT_TRUE(has(result.out, fmt::format("net.prototxt, phase {}\n", row.checked))) << result.out;
    EXPECT_TRUE(
        has(result.out, fmt::format("phase {} is not checked: the file is for {} alone", row.not_checked, row.checked)))
        << result.out;
    EXPECT_EQ(crema(fmt::format("check --phase {} {}", row.not_checked, net)).code, 1);
  }
  // A fault is reported once, though only one phase has a name to suggest.
  const std::string reader = "layer { name: 'z' type: 'ReLU' bottom: 'dat' top: 'z' }";
  const Result twice = crema("check " + folder.write("net.prototxt", data("data", "dim: 2", train) + reader));
  EXPECT_EQ(lines_in(twice.err), 1u) << twice.err;
  EXPECT_TRUE(has(twice.err, "did you mean \"data\"?")) << twice.err;
  // A file with layers of its own in a phase is meant for that phase.
  const std::string own = folder.write("own.prototxt", rows[2].text +
                                                           "layer { name: 'acc' type: 'Accuracy' bottom: 'ip' "
                                                           "bottom: 'y' top: 'acc' include { phase: TEST } }");
  EXPECT_EQ(crema("check " + own).code, 1);
}

TEST(Check, says_what_counts_as_a_parameter) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", input_text("x", {2, 3, 4, 4}) + R"(
layer { name: 'bn' type: 'BatchNorm' bottom: 'x' top: 'bn' }
layer { name: 'scale' type: 'Scale' bottom: 'bn' top: 'bn' scale_param { bias_term: true } }
)");
  const Result result = crema("check " + net);
  EXPECT_EQ(line_of(result.out, "bn"), "bn BatchNorm bn 2 3 4 4 7 statistics") << result.out;
  EXPECT_TRUE(has(result.out, "3 layers, 6 parameters (and 7 running statistics, which are not learned), "))
      << result.out;
}

// A missing file hides no other fault, nor does a layer with both kinds of rules.
TEST(Check, notes_files_that_layers_lack) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", input_text("x", {2, 3}) + input_text("l", {2}) + R"(
layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'ip' inner_product_param { num_output: 3 } }
layer { name: 'inf' type: 'InfogainLoss' bottom: 'ip' bottom: 'l' top: 'il'
  infogain_loss_param { source: 'none.binaryproto' } }
)");
  const Result lacks = crema("check " + net);
  EXPECT_EQ(lacks.code, 0) << lacks.err;
  EXPECT_TRUE(has(lacks.out, "note: layer \"inf\" lacks a file: " + net)) << lacks.out;
  EXPECT_TRUE(has(lacks.out, "left out: inf\n")) << lacks.out;
  folder.write("net.prototxt", read_file(net) + R"(
layer { name: 'both' type: 'ReLU' bottom: 'x' top: 'both' include { stage: 's' } exclude { phase: TEST } }
layer { name: 'r' type: 'Reshape' bottom: 'x' top: 'r' reshape_param { shape { dim: 7 dim: -1 } } }
)");
  const Result faults = crema("check " + net);
  EXPECT_EQ(faults.code, 1);
  for (const char* part : {"layer \"both\" has both include and exclude rules\n", "layer \"r\" (Reshape): "}) {
    EXPECT_TRUE(has(faults.err, part)) << part << " in\n" << faults.err;
  }
}

TEST(Check, says_all_that_is_wrong_with_a_solver) {
  const TempFolder folder;
  const std::string solver =
      folder.write("solver.prototxt",
                   "net_param { layer { name: 'x' type: 'Input' top: 'x' } }\n"
                   "base_lr: -1\nlr_policy: 'fixd'\nmax_iter: -3\nmomentum: 4\niter_size: 0\ntype: 'Adm'\n");
  const Result result = crema("check " + solver);
  EXPECT_EQ(result.code, 1);
  for (const char* part : {":2:1: base_lr is -1", ":3:1: unknown lr_policy", ":4:1: max_iter is -3",
                           ":6:1: iter_size is 0", ":7:1: unknown solver type"}) {
    EXPECT_TRUE(has(result.err, part)) << part << " in\n" << result.err;
  }
}

// Only what a solver's text says is checked: missing data, weights or snapshot folders are not errors.
TEST(Check, notes_what_a_run_lacks) {
  const TempFolder folder;
  folder.write("net.prototxt", net_without_data(kAway));
  const std::string solver =
      folder.write("solver.prototxt",
                   "net: 'net.prototxt' base_lr: 0.1 lr_policy: 'poly' power: 1 weights: 'none.caffemodel'\n"
                   "snapshot: 5 snapshot_prefix: '/not/there/x'\n");
  const Result result = crema("check --shape data=2,1,6,5 " + solver);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  for (const char* part :
       {"note: ", "max_iter is not set", "none.caffemodel", "/not/there", "solver.prototxt: SGD solver\n"}) {
    EXPECT_TRUE(has(result.out, part)) << part << " in\n" << result.out;
  }
}

// One pass finds the faults of nets with thousands of faults and with names of any length.
TEST(Check, takes_no_longer_than_a_net_deserves) {
  const TempFolder folder;
  std::string many = input_text("x", {1, 1});
  for (int i = 0; i < 3000; ++i) {
    many += fmt::format("layer {{ name: 'l{0}' type: 'ReLU' bottom: 'y{0}' top: 'z{0}' }}\n", i);
    many += fmt::format(
        "layer {{ name: 's{0}' type: 'Softmax' bottom: 'x' top: 's{0}' softmax_param {{ axis: 7 }} }}\n", i);
  }
  const Result result = crema("check --phase TEST " + folder.write("many.prototxt", many));
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(lines_in(result.err), 1001u);
  EXPECT_TRUE(has(result.out, "\nleft out: l0, l1, ") && has(result.out, " and 5970 more\n")) << result.out;
  // If there are many long names, the nearest one is not looked for.
  std::string long_names;
  for (int i = 0; i < 1500; ++i) {
    long_names += input_text(fmt::format("{}{}", std::string(85, 'n'), i), {1});
    long_names +=
        fmt::format("layer {{ name: 'r{0}' type: 'ReLU' bottom: '{1}{0}' top: 'r{0}' }}\n", i, std::string(85, 'm'));
  }
  EXPECT_EQ(lines_in(crema("check --phase TEST " + folder.write("names.prototxt", long_names)).err), 1001u);
  const std::string a(60000, 'a'), b = a + "b";
  const Result names = crema(
      "check " +
      folder.write("long.prototxt",
                   fmt::format("layer {{ name: 'd' type: 'Input' top: '{}' input_param {{ shape {{ dim: 1 }} }} }}\n"
                               "layer {{ name: 'r' type: 'ReLU' bottom: '{}' top: 'r' }}",
                               a, b)));
  EXPECT_EQ(names.code, 1);
}

TEST(Check, tells_nets_from_solvers) {
  const TempFolder folder;
  const std::string net = folder.write("a.prototxt", "name: 'x'\nlayer { nme: 'a' }\nlayer { name: 'b' }\n");
  const std::string solver = folder.write("b.prototxt", "net: 'x'\nbase_Ir: 0.1\nmax_iter: 3\n");
  EXPECT_EQ(crema("check " + net).err, "crema: " + net +
                                           ":2:9: LayerParameter has no field \"nme\"; did you mean \"name\"?\n" +
                                           "crema: " + net + ":3: layer \"b\" has no type\n");
  EXPECT_TRUE(crema("check " + solver)
                  .err.starts_with("crema: " + solver +
                                   ":2:1: SolverParameter has no field \"base_Ir\"; did you mean \"base_lr\"?\n"));
}

TEST(Check, looks_at_a_solvers_nets) {
  const Result result = crema("check models/lenet/solver_10k.prototxt");
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(has(result.out, "solver_10k.prototxt: Adam solver, 1570 iterations\n"));
  EXPECT_TRUE(has(result.out, ", train net\n") && has(result.out, ", test net #0\n")) << result.out;
  EXPECT_TRUE(has(result.out, " + 3.45 MB solver history + ")) << result.out;  // Adam's two, of 1.72 MB
  EXPECT_TRUE(has(result.out, "memory for training with its tests: ")) << result.out;
}

TEST(Check, finds_no_fault_in_the_nets_for_imagenet) {
  std::string solvers;
  for (const char* folder :
       {"alexnet", "vgg16", "googlenet", "resnet18", "resnet50", "squeezenet", "mobilenet_v1", "mobilenet_v2"}) {
    solvers += fmt::format(" models/{}/solver.prototxt", folder);
  }
  const Result result = crema("check" + solvers);
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(line_of(result.out, "data"), "data ImageData data 256 3 227 227 (assumed), label 256 (assumed)");
  EXPECT_TRUE(has(result.out, " GB blobs (without the plan ")) << result.out;
}

// --- time ------------------------------------------------------------------------------------------------------------

TEST(Time, tells_of_each_layer) {
  const Result result = crema(fmt::format("time --model {} --iterations 2", kOnDigits));
  ASSERT_EQ(result.code, 0) << result.err;
  for (const char* part : {"phase TRAIN), engine ", "Medians of 2 iterations after 5 for warming up", "\nconv2 ",
                           "\nAverage Forward pass: ", "\nAverage Backward pass: ", "\nAverage Forward-Backward: "}) {
    EXPECT_TRUE(has(result.out, part)) << part << " in\n" << result.out;
  }
}

TEST(Time, writes_json) {
  const Result result = crema(fmt::format("time --model {} --shape data=4,1,28,28 --iterations 3 --json", kLenet));
  ASSERT_EQ(result.code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["net"], "LeNet");
  EXPECT_EQ(json["iterations"], 3);
  EXPECT_EQ(json["random_data"][0]["shape"], "given");
  std::vector<std::string> names;
  double share = 0, time = 0;
  long parameters = 0;
  for (const auto& layer : json["layers"]) {
    names.push_back(layer["name"]);
    share += layer["share_percent"].get<double>();
    parameters += layer["parameters"].get<long>();
    time += layer["forward"]["time_ms"].get<double>() + layer["backward"]["time_ms"].get<double>() +
            layer["diff_sums_ms"].get<double>();
    for (const auto& reorder : layer["reorders"]) time += reorder["time_ms"].get<double>();
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"data", "conv1", "pool1", "conv2", "pool2", "ip1", "relu1", "ip2", "loss"}));
  EXPECT_NEAR(share, 100, 1e-6);
  EXPECT_NEAR(time, json["totals"]["layers_ms"].get<double>(), 1e-9);
  EXPECT_EQ(parameters, 431080);
  EXPECT_EQ(json["totals"]["parameters"], 431080);
  const auto& conv2 = json["layers"][3];
  EXPECT_EQ(conv2["tops"][0]["shape"], (std::vector<long>{4, 50, 8, 8}));
  EXPECT_EQ(conv2["forward"]["multiply_adds"], 4 * 1600000.);
  EXPECT_EQ(conv2["backward"]["multiply_adds"], 4 * 2 * 1600000.);         // of the weights and of the data
  EXPECT_EQ(json["layers"][1]["backward"]["multiply_adds"], 4 * 288000.);  // of the weights alone
}

TEST(Time, measures_algorithms_unless_it_is_to_be_deterministic) {
  if (default_engine() == Engine::plain) GTEST_SKIP();
  const TempFolder cache;
  const std::string lenet = fmt::format("time --model {} --shape data=4,1,28,28 --iterations 1 --json", kLenet);
  for (const bool deterministic : {true, false}) {
    ::setenv("CREMA_CACHE", (cache / "").c_str(), 1);
    ::unsetenv("CREMA_DETERMINISTIC");
    const Result result = crema(lenet + (deterministic ? " --deterministic" : ""));
    ::setenv("CREMA_DETERMINISTIC", "1", 1);
    EXPECT_EQ(result.err.find("Measured the algorithms") == std::string::npos, deterministic) << result.err;
    EXPECT_EQ(std::filesystem::is_empty(cache / ""), deterministic);
    const auto conv2 = nlohmann::json::parse(result.out)["layers"][3];
    EXPECT_NE(conv2["backward_implementation"], "");
    EXPECT_NE(conv2["backward_implementation"], "plain");
  }
}

TEST(Time, has_no_backward_in_phase_test) {
  const Result result =
      crema(fmt::format("time --model {} --phase TEST --iterations 1 --json --engine plain", kOnDigits));
  ASSERT_EQ(result.code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["totals"]["average_backward_ms"], 0);
  EXPECT_GT(json["totals"]["average_forward_ms"], 0);
  for (const auto& layer : json["layers"]) EXPECT_EQ(layer["implementation"], "plain");
}

TEST(Time, takes_a_solvers_train_net) {
  const Result result = crema("time --solver models/lenet/solver_10k.prototxt --iterations 1 --json");
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out)["layers"].size(), 9u);
}

TEST(Time, says_how_to_do_without_data) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", net_without_data(kAway));
  const Result result = crema("time --json --model " + net);
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(has(result.err, "shape unknown: give --shape data=N,C,H,W")) << result.err;
  EXPECT_EQ(lines_in(result.err), 1u);
}

// --- info and draw ---------------------------------------------------------------------------------------------------

TEST(Info, names_what_computes) {
  const Result result = crema("info --help");
  EXPECT_EQ(result.code, 0);
  const Result info = crema("info");
  ASSERT_EQ(info.code, 0) << info.err;
  EXPECT_TRUE(info.out.starts_with("crema ")) << info.out;
  EXPECT_TRUE(has(info.out, fmt::format("\nlayer types   {}: AbsVal, Accuracy, ", layer_types().size()))) << info.out;
  for (const char* part : {"\nprocessor ", "\nBLAS ", "kernel ", "Protocol Buffers 3", "HDF5 1", ", SGD"}) {
    EXPECT_TRUE(has(info.out, part)) << part << " in\n" << info.out;
  }
}

#ifdef CREMA_NEXT_ONEDNN

// Within its lifetime, started programs load the library before all others.
class Preloaded {
 public:
  explicit Preloaded(const char* library) { setenv("LD_PRELOAD", library, 1); }
  ~Preloaded() { unsetenv("LD_PRELOAD"); }
};

TEST(Info, tells_of_another_onednn_than_crema_was_built_for) {
#ifdef CREMA_SANITIZER_MALLOC
  GTEST_SKIP() << "a sanitizer has to be the first library";
#endif
  const std::string net = std::string("time --iterations 1 --model ") + kOnDigits;
  const Preloaded library(CREMA_NEXT_ONEDNN);
  const std::string says = "crema was built for oneDNN ";
  const Result info = crema("info");
  ASSERT_EQ(info.code, 0) << info.err;
  EXPECT_TRUE(has(info.out, says)) << info.out;
  const Result refused = crema(net);
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(has(refused.err, says)) << refused.err;
  EXPECT_TRUE(has(refused.err, "; --engine plain does without")) << refused.err;
  EXPECT_EQ(lines_in(refused.err), 1u) << refused.err;
  EXPECT_EQ(crema(net + " --engine plain").code, 0);
}

#endif

TEST(Draw, writes_dot) {
  const TempFolder folder;
  const std::string path = folder / "lenet.dot";
  const Result result = crema(fmt::format("draw --model {} --output {}", kOnDigits, path));
  ASSERT_EQ(result.code, 0) << result.err;
  const std::string dot = read_file(path);
  EXPECT_TRUE(dot.starts_with("digraph"));
  EXPECT_TRUE(has(dot, "conv1\\nConvolution\\n5x5, 20 outputs\\n520 parameters\\n18.43 M multiply-adds")) << dot;
  EXPECT_TRUE(has(dot, "MAX 2x2, stride 2x2")) << dot;
  EXPECT_TRUE(has(dot, "relu1\\nReLU (in place)")) << dot;
  EXPECT_TRUE(has(dot, "64 20 24 24")) << dot;
}

TEST(Draw, refuses_in_one_line) {
  const TempFolder folder;
  const std::string net = folder.write("net.prototxt", net_without_data(kAway));
  const Result ending = crema(fmt::format("draw --model {} --output {}", kOnDigits, folder / "a.jpg"));
  EXPECT_EQ(ending.code, 1);
  EXPECT_TRUE(has(ending.err, "a.jpg: the ending \".jpg\" is none of .svg, .png and .dot")) << ending.err;
  const Result unknown = crema(fmt::format("draw --model {} --output {}", net, folder / "a.dot"));
  EXPECT_EQ(unknown.code, 1);
  EXPECT_TRUE(has(unknown.err, "give --shape data=N,C,H,W")) << unknown.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "a.dot"));
  const std::string same = folder.write("b.dot", net_without_data(kAway));
  const Result over = crema(fmt::format("draw --model {0} --shape data=1,1,9,9 --output {0}", same));
  EXPECT_EQ(over.code, 1);
  EXPECT_TRUE(has(over.err, "this is the file that is read; give another")) << over.err;
  EXPECT_TRUE(read_file(same).starts_with("name: 'away'"));
  EXPECT_EQ(crema(fmt::format("draw --model {} --shape data=1,1,9,9 --output {}", net, folder / "a.dot")).code, 0);
}

#ifdef CREMA_WITH_GRAPHVIZ

TEST(Draw, writes_pictures) {
  const TempFolder folder;
  ASSERT_EQ(crema(fmt::format("draw --model {} --output {}", kOnDigits, folder / "a.svg")).code, 0);
  EXPECT_TRUE(has(read_file(folder / "a.svg"), ">431,080 parameters"));
  ASSERT_EQ(crema(fmt::format("draw --model {} --output {}", kOnDigits, folder / "a.png")).code, 0);
  EXPECT_TRUE(read_file(folder / "a.png").starts_with("\x89PNG"));
}

#endif

}  // namespace
}  // namespace crema

// Each solver in models/ builds its nets. Those whose data come with the repository train two iterations; for ImageNet,
// the sizes of the nets are compared with the published ones.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "solvers/check.h"
#include "solvers/solver.h"
#include "support/training.h"

namespace crema {
namespace {

std::vector<std::string> solvers(bool imagenet) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("models")) {
    const std::string path = entry.path().string(), name = entry.path().filename().string();
    if (!name.starts_with("solver") || !name.ends_with(".prototxt") || left_by_a_run(name)) continue;
    if (for_imagenet(path) == imagenet) paths.push_back(path);
  }
  return paths;
}

TEST(Models, train_two_iterations) {
  const auto paths = solvers(false);
  ASSERT_GE(paths.size(), 10u);
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    SolverConfig config = read_solver(path);
    if (path.find("spirals") == std::string::npos) {
      config.solver.mutable_train_state()->clear_stage();
      config.solver.mutable_train_state()->add_stage("mnist-10k");
      config.solver.clear_test_state();
      config.solver.add_test_state()->add_stage("mnist-10k");
    }
    SolverOptions options;
    options.snapshots = false;
    options.log_iterations = false;
    Solver solver(config, options);
    EXPECT_TRUE(std::isfinite(solver.step(2)));
    EXPECT_EQ(solver.test_nets(), 1);
  }
}

// --- nets for ImageNet -----------------------------------------------------------------------------------------------

// A net without memory: it has only shapes and parameters.
std::unique_ptr<Net> outline(const std::string& folder, Phase phase, const std::string& stage) {
  NetState state;
  state.set_phase(phase);
  state.add_stage(stage);
  NetOptions options;
  options.memory = false;
  return make_net("models/" + folder + "/train_test.prototxt", state, options);
}

// The number of parameters that training changes, without BatchNorm's running statistics, which get no gradient.
long learned_numbers(const Net& net) {
  long count = 0;
  for (int i = 0; i < net.layers(); ++i) {
    for (const Parameter& parameter : net.layer(i).parameters()) count += parameter.learns() ? parameter.count() : 0;
  }
  return count;
}

// The multiply-adds for one image.
double multiply_adds(const Net& net) {
  double sum = 0;
  for (int i = 0; i < net.layers(); ++i) sum += net.layer(i).multiply_adds(net.bottoms(i), net.tops(i));
  return sum / static_cast<double>(net.batch_size());
}

struct Published {
  const char* folder;
  long parameters;
  double giga;           // of multiply-adds, as papers round them
  double multiply_adds;  // for one image, exactly
  long more_in_training = 0;
  double more_multiply_adds = 0;
};

const std::vector<Published> kPublished = {
    {"alexnet", 60965224, 0.72, 724406816},
    {"vgg16", 138357544, 15.5, 15470264320},
    // Each of the two more classifiers: a convolution of 4x4 places, two inner products.
    {"googlenet", 6998552, 1.58, 1582671872, 2 * (2048 * 1024 + 1024 + 1024 * 1000 + 1000) + (512 + 528 + 2) * 128,
     2 * (2048 * 1024 + 1024 * 1000) + 16 * (512 + 528) * 128},
    {"resnet18", 11689512, 1.8, 1814073344},
    {"resnet50", 25557032, 3.86, 3857973248},
    {"squeezenet", 1235496, 0.39, 387747520},
    {"mobilenet_v1", 4231976, 0.57, 568740352},
    {"mobilenet_v2", 3504872, 0.30, 300774272},
};

TEST(ImageNet, nets_have_their_published_sizes) {
  for (const Published& published : kPublished) {
    SCOPED_TRACE(published.folder);
    const auto deployed = outline(published.folder, TEST, "deploy");
    EXPECT_EQ(learned_numbers(*deployed), published.parameters);
    EXPECT_EQ(multiply_adds(*deployed), published.multiply_adds);
    EXPECT_NEAR(multiply_adds(*deployed) / 1e9, published.giga, 0.031);
    ASSERT_EQ(deployed->outputs().size(), 1u);
    EXPECT_EQ(deployed->outputs()[0].name, "prob");
    EXPECT_EQ(deployed->outputs()[0].blob->shape().count(), 1000);
    const auto trained = outline(published.folder, TRAIN, "synthetic");
    EXPECT_EQ(learned_numbers(*trained), published.parameters + published.more_in_training);
    EXPECT_EQ(multiply_adds(*trained), published.multiply_adds + published.more_multiply_adds);
  }
}

TEST(ImageNet, solvers_and_all_stages_are_sound) {
  const auto paths = solvers(true);
  EXPECT_EQ(paths.size(), kPublished.size());
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const SolverConfig solver = read_solver(path);
    EXPECT_NO_THROW(check_solver(solver));
    const std::string folder = std::filesystem::path(path).parent_path().filename().string();
    EXPECT_EQ(solver.solver.net(), "models/" + folder + "/train_test.prototxt");
    EXPECT_EQ(solver.solver.snapshot_prefix(), "models/" + folder + "/" + folder);
    const auto trained = outline(folder, TRAIN, "synthetic"), deployed = outline(folder, TEST, "deploy");
    EXPECT_NO_THROW(check_trains(*trained));
    EXPECT_EQ(outline(folder, TEST, "synthetic")->outputs().size(), 3u);  // two accuracies and the loss
    EXPECT_FALSE(deployed->has_loss());
    // Each layer of the deployed net finds its parameters in the trained one by name.
    for (int i = 0; i < deployed->layers(); ++i) {
      const auto& parameters = deployed->layer(i).parameters();
      if (parameters.empty()) continue;
      const int other = trained->layer_index(deployed->layer_config(i).name());
      ASSERT_EQ(trained->layer(other).parameters().size(), parameters.size());
      for (size_t k = 0; k < parameters.size(); ++k) {
        EXPECT_EQ(trained->layer(other).parameters()[k].shape(), parameters[k].shape());
      }
    }
  }
}

}  // namespace
}  // namespace crema

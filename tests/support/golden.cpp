#include "support/golden.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace crema {
namespace {

namespace fs = std::filesystem;

class GoldenTest : public testing::Test {
 public:
  GoldenTest(std::string path, Engine engine, void (*run)(const std::string&, Engine))
      : path_(std::move(path)), engine_(engine), run_(run) {}

 private:
  void TestBody() override { run_(path_, engine_); }

  std::string path_;
  Engine engine_;
  void (*run_)(const std::string&, Engine);
};

void register_pairs(const std::string& folder, const std::string& suffix, void (*run)(const std::string&, Engine)) {
  const std::vector<std::string> names = golden_pairs(folder);
  check(!names.empty(), "{}: no pair of NAME.prototxt and NAME.h5", folder);
  for (const auto& [engine_name, engine] : golden_engines()) {
    for (const std::string& name : names) {
      testing::RegisterTest(
          (engine_name + suffix).c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
          [path = folder + "/" + name, engine = engine, run] { return new GoldenTest(path, engine, run); });
    }
  }
}

}  // namespace

std::vector<std::string> golden_folders(const char* variable, const std::vector<std::string>& subfolders) {
  const char* given = std::getenv(variable);
  const fs::path folder = fs::absolute(given != nullptr ? given : CREMA_TESTS_DIR "/golden");
  check(fs::is_directory(folder), "{}: no such folder", folder.string());
  std::vector<std::string> found;
  for (const std::string& subfolder : subfolders) {
    if (fs::is_directory(folder / subfolder)) found.push_back((folder / subfolder).string());
  }
  return found.empty() ? std::vector<std::string>{folder.string()} : found;
}

std::vector<std::string> golden_pairs(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    fs::path path = entry.path();
    if (path.extension() != ".prototxt" || !fs::exists(path.replace_extension(".h5"))) continue;
    names.push_back(path.stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

const std::map<std::string, Engine>& golden_engines() {
  static const std::map<std::string, Engine> engines = {
#ifdef CREMA_WITH_ONEDNN
      {"onednn", Engine::onednn},
#endif
      {"plain", Engine::plain},
  };
  return engines;
}

int run_golden(int argc, char** argv, const char* variable, const std::vector<std::string>& subfolders,
               void (*run)(const std::string& path, Engine engine)) {
  testing::InitGoogleTest(&argc, argv);
  try {
    const std::vector<std::string> folders = golden_folders(variable, subfolders);
    for (const std::string& folder : folders) {
      const bool first = folder == folders.front();
      register_pairs(folder, first ? "" : fmt::format("_{}", fs::path(folder).filename().string()), run);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return RUN_ALL_TESTS();
}

void copy_values(const Array& from, const Shape& shape, real* to, const std::string& what) {
  check(from.shape == shape, "{}: the recorded shape is {}, the net's is {}", what, from.shape.str(), shape.str());
  std::copy(from.values.begin(), from.values.end(), to);
}

GoldenPass::GoldenPass(const std::string& path) : path(path), recorded(read_hdf5(path + ".h5")) {}

std::map<std::string, Array> GoldenPass::group(const std::string& name) const {
  std::map<std::string, Array> found;
  const std::string prefix = name + "/";
  for (const auto& [key, array] : recorded) {
    if (key.starts_with(prefix)) found[key.substr(prefix.size())] = array;
  }
  return found;
}

bool GoldenPass::has_backward() const {
  return !group("top_diff").empty() || !group("bottom_diff").empty() || !group("param_diff").empty();
}

NetConfig GoldenPass::config() const {
  NetState state;
  state.set_phase(path.ends_with("_test") ? TEST : TRAIN);
  return filter(read_net(path + ".prototxt"), state);
}

std::unique_ptr<Net> GoldenPass::build(const NetConfig& config, NetOptions options) const {
  options.backward = has_backward();
  for (const auto& [name, array] : group("top_diff")) options.output_diffs.push_back(name);
  auto net = std::make_unique<Net>(config, options);
  const auto recorded_parameters = group("param");
  size_t count = 0;
  for (int i = 0; i < net->layers(); ++i) {
    auto& parameters = net->layer(i).parameters();
    for (size_t k = 0; k < parameters.size(); ++k, ++count) {
      const std::string key = fmt::format("{}/{}", net->layer_config(i).name(), k);
      check(recorded_parameters.contains(key), "parameter {} is not recorded", key);
      copy_values(recorded_parameters.at(key), parameters[k].shape(), parameters[k].mutable_data(), key);
      parameters[k].raise_version();
    }
  }
  check(count == recorded_parameters.size(), "{} parameters are recorded, the net has {}", recorded_parameters.size(),
        count);
  return net;
}

void GoldenPass::run(Net& net) const {
  for (const auto& [name, array] : group("input")) {
    copy_values(array, net.input(name).shape(), net.input(name).mutable_data(), name);
  }
  net.forward();
  if (!has_backward()) return;
  for (const auto& [name, array] : group("top_diff")) {
    copy_values(array, net.output_diff(name).shape(), net.output_diff(name).mutable_diff(), name);
  }
  net.backward();
}

}  // namespace crema

// golden/pending.txt names the recorded cases that CTest leaves out. It may not hide one that could run.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "config/prototxt.h"
#include "core/layer.h"
#include "solvers/update_rule.h"
#include "support/golden.h"

namespace crema {
namespace {

std::vector<std::string> pending_cases() {
  std::vector<std::string> cases;
  std::ifstream file(CREMA_TESTS_DIR "/golden/pending.txt");
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') cases.push_back(line);
  }
  return cases;
}

bool lacks_something(const std::string& path) {
  if (path.find("/solvers/") != std::string::npos) {
    return !update_rules().contains(read_solver(path).solver.type());
  }
  const NetConfig config = read_net(path);
  for (const LayerParameter& layer : config.net.layer()) {
    if (!layer_types().contains(layer.type())) return true;
  }
  return false;
}

TEST(Pending, EachCaseLacksATypeThatItNeeds) {
  for (const std::string& name : pending_cases()) {
    EXPECT_TRUE(lacks_something(fmt::format("{}/golden/{}.prototxt", CREMA_TESTS_DIR, name)))
        << name << " has all that it needs: take it out of golden/pending.txt";
  }
}

// CTest's filter is made of names: one that fits another case as well would hide that, too.
TEST(Pending, EachCaseIsOne) {
  const std::vector<std::string> layers = golden_pairs(CREMA_TESTS_DIR "/golden/layers");
  const std::vector<std::string> solvers = golden_pairs(CREMA_TESTS_DIR "/golden/solvers");
  for (const std::string& name : pending_cases()) {
    const auto& pairs = name.starts_with("layers/") ? layers : solvers;
    EXPECT_EQ(std::count(pairs.begin(), pairs.end(), name.substr(name.find('/') + 1)), 1) << name;
  }
}

}  // namespace
}  // namespace crema

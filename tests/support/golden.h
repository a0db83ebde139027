// Recorded cases (golden/README.md): NAME.prototxt with NAME.h5, and the body of a test program that runs a folder of
// them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/net.h"
#include "support/array.h"

namespace crema {

// The folder that the environment variable names, else the project's copy. If it has any of these subfolders, returns
// them instead. Throws Error if there is no such folder.
std::vector<std::string> golden_folders(const char* variable, const std::vector<std::string>& subfolders);

// The names of all pairs in a folder, sorted.
std::vector<std::string> golden_pairs(const std::string& folder);

// The engines of this build, with the names that their test suites have.
const std::map<std::string, Engine>& golden_engines();

// Runs each pair of golden_folders(variable, subfolders) on each engine as a test of its own: the body of a main()
// whose folder may be given from outside. A test is called ENGINE.NAME in the first folder, ENGINE_FOLDER.NAME in the
// others. `run` gets the pair's path without its ending. Fails if there is no pair in a folder.
int run_golden(int argc, char** argv, const char* variable, const std::vector<std::string>& subfolders,
               void (*run)(const std::string& path, Engine engine));

// A recorded pass through a small net.
struct GoldenPass {
  std::string path;  // without its ending
  std::map<std::string, Array> recorded;

  explicit GoldenPass(const std::string& path);

  // The data sets in a group, by the rest of their path: under "param", "ip1/0".
  std::map<std::string, Array> group(const std::string& name) const;
  bool has_backward() const;
  NetConfig config() const;  // filtered: phase TEST if the name ends in "_test"

  // The net with its recorded parameters. `options` gains the outputs whose diffs are recorded, and whether there is a
  // backward pass.
  std::unique_ptr<Net> build(NetOptions options) const { return build(config(), std::move(options)); }
  std::unique_ptr<Net> build(const NetConfig& config, NetOptions options) const;

  // Forward from the recorded inputs and, if there is one, backward from the recorded diffs.
  void run(Net& net) const;
};

// The array's values, where the shape is the same. Throws Error if it is not; `what` names it.
void copy_values(const Array& from, const Shape& shape, real* to, const std::string& what);

}  // namespace crema

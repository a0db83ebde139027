#include "math/algorithms.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "math/math_info.h"

namespace crema {
namespace {

namespace fs = std::filesystem;

// The file: this line, a line "problem <tab> pass <tab> algorithm" for each choice, and their number.
constexpr std::string_view kHeading = "crema: algorithms of convolutions, 1";
constexpr std::string_view kEnd = "end ";
constexpr uint64_t kLargest = 1 << 24;

bool is_choice(const Algorithms::Choice& choice) {
  const auto one_of = [](const std::string& text, std::initializer_list<std::string_view> all) {
    return std::find(all.begin(), all.end(), text) != all.end();
  };
  return !choice.problem.empty() && one_of(choice.pass, {"forward", "backward_data", "backward_weights"}) &&
         one_of(choice.algorithm, {"direct", "winograd", "gemm"});
}

// The processor's name, as Linux tells it.
std::string processor() {
  try {
    std::istringstream lines(read_file("/proc/cpuinfo"));
    for (std::string line; std::getline(lines, line);) {
      const size_t colon = line.find(": ");
      if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
    }
  } catch (const Error&) {
  }
  return "processor";
}

std::string cache_folder() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (std::getenv("CREMA_CACHE") != nullptr) return variable("CREMA_CACHE");
  // What the XDG rules say of a relative path: as if it were not there.
  if (const fs::path base = variable("XDG_CACHE_HOME"); base.is_absolute()) return (base / "crema").string();
  const fs::path home = variable("HOME");
  return home.is_absolute() ? (home / ".cache" / "crema").string() : "";
}

}  // namespace

std::string algorithms_file() {
  const std::string folder = cache_folder();
  const EngineInfo engine = engine_info();
  if (folder.empty() || engine.version.empty()) return "";
  std::string name = fmt::format("convolutions_{}_{}_onednn_{}.txt", processor(), engine.isa, engine.version);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '_') c = '-';
  }
  return (fs::path(folder) / name).string();
}

Algorithms::Algorithms(std::string file) : file_(std::move(file)) {
  try {
    known_ = read();
  } catch (const Error& error) {
    CREMA_WARN("{}; convolutions are measured anew", error.what());
    warned_ = true;
  }
}

// Nothing where there is no file.
Algorithms::Map Algorithms::read() const {
  Map choices;
  std::error_code ignored;
  if (file_.empty() || !fs::exists(file_, ignored)) return choices;
  std::istringstream lines(read_file(file_, kLargest));
  std::string line;
  std::getline(lines, line);
  bool whole = line == kHeading;
  while (whole && std::getline(lines, line) && !line.starts_with(kEnd)) {
    std::istringstream fields(line);
    Choice choice;
    std::getline(fields, choice.problem, '\t');
    std::getline(fields, choice.pass, '\t');
    std::getline(fields, choice.algorithm);
    whole = is_choice(choice);
    choices[{choice.problem, choice.pass}] = choice.algorithm;
  }
  check(whole && line == fmt::format("{}{}", kEnd, choices.size()), "{}: damaged, or no file of measured algorithms",
        file_);
  return choices;
}

std::string Algorithms::find(const std::string& problem, const std::string& pass) {
  const Key key(problem, pass);
  std::string algorithm;
  if (const auto given = given_.find(key); given != given_.end()) {
    algorithm = given->second;
  } else if (complete_) {
    algorithm = "direct";
  } else if (const auto known = known_.find(key); known != known_.end()) {
    algorithm = known->second;
  }
  if (!algorithm.empty()) in_use_[key] = algorithm;
  return algorithm;
}

void Algorithms::remember(const std::string& problem, const std::string& pass, const std::string& algorithm,
                          double seconds) {
  known_[{problem, pass}] = in_use_[{problem, pass}] = algorithm;
  ++measured_;
  seconds_ += seconds;
}

std::vector<Algorithms::Choice> Algorithms::in_use() const {
  std::vector<Choice> all;
  for (const auto& [key, algorithm] : in_use_) all.push_back({key.first, key.second, algorithm});
  return all;
}

void Algorithms::give(const std::vector<Choice>& choices, bool complete) {
  given_.clear();
  in_use_.clear();
  for (const Choice& choice : choices) given_[{choice.problem, choice.pass}] = choice.algorithm;
  complete_ = complete;
}

void Algorithms::save() {
  if (measured_ == 0) return;
  CREMA_INFO("Measured the algorithms of {} convolution passes in {:.2f} s", measured_, seconds_);
  measured_ = 0;
  seconds_ = 0;
  if (file_.empty()) return;
  try {
    write();
  } catch (const std::exception& error) {
    if (!warned_) CREMA_WARN("measured algorithms are not kept: {}", error.what());
    warned_ = true;
  }
}

// What another process has written meanwhile stays.
void Algorithms::write() {
  Map all;
  try {
    all = read();
  } catch (const Error&) {  // damaged: written anew
  }
  all.insert(known_.begin(), known_.end());
  std::string text = fmt::format("{}\n", kHeading);
  for (const auto& [key, algorithm] : all) text += fmt::format("{}\t{}\t{}\n", key.first, key.second, algorithm);
  text += fmt::format("{}{}\n", kEnd, all.size());
  fs::create_directories(fs::path(file_).parent_path());
  write_file(file_, text);
}

}  // namespace crema

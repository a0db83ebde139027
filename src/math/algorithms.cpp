#include "math/algorithms.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "math/math_info.h"

namespace crema {
namespace {

namespace fs = std::filesystem;

// The file: this line, a line "problem <tab> pass <tab> algorithm" for each choice, "kernel <tab> check <tab> right"
// (or wrong) for each kernel that was compared, and at the end the number of these lines.
constexpr std::string_view kHeading = "crema: algorithms of convolutions, 2";
constexpr std::string_view kOlder = "crema: algorithms of convolutions, 1";  // from before kernels were compared
constexpr std::string_view kEnd = "end ";
constexpr const char* kCheck = "check";
constexpr uint64_t kLargest = 1 << 24;

bool is_choice(const Algorithms::Choice& choice) {
  const auto one_of = [](const std::string& text, std::initializer_list<std::string_view> all) {
    return std::find(all.begin(), all.end(), text) != all.end();
  };
  return !choice.problem.empty() && one_of(choice.pass, {"forward", "backward_data", "backward_weights"}) &&
         one_of(choice.algorithm, {"direct", "winograd", "gemm"});
}

bool is_check(const Algorithms::Choice& line) {
  return !line.problem.empty() && line.pass == kCheck && (line.algorithm == "right" || line.algorithm == "wrong");
}

// A lock for processes that write the same file; it ends with the process. Throws Error if another process holds it for
// some seconds. On a file system without locks, the file is written without one.
class Lock {
 public:
  explicit Lock(const std::string& path)
      : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0666)) {
    check(file_ >= 0, "{}: cannot open: {}", path, std::strerror(errno));
    using namespace std::chrono_literals;
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (::flock(file_, LOCK_EX | LOCK_NB) != 0 && (errno == EWOULDBLOCK || errno == EINTR)) {
      if (std::chrono::steady_clock::now() > end) {
        ::close(file_);
        throw Error("{}: another process holds the lock", path);
      }
      std::this_thread::sleep_for(5ms);
    }
  }
  ~Lock() { ::close(file_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int file_;
};

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
  // By the XDG rules, a relative path is ignored.
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
    Content content = read();
    known_ = std::move(content.choices);
    kept_checks_ = content.checks.size();
    SelfChecks::of_process().add(content.checks);
  } catch (const Error& error) {
    CREMA_WARN("{}; convolutions are measured anew", error.what());
    warned_ = true;
  }
}

// Empty if there is no file.
Algorithms::Content Algorithms::read() const {
  Content content;
  std::error_code ignored;
  if (file_.empty() || !fs::exists(file_, ignored)) return content;
  // Reading other kinds of files may never end, or may wait for a writer.
  check(fs::is_regular_file(file_, ignored), "{}: is no regular file", file_);
  std::istringstream lines(read_file(file_, kLargest));
  std::string line;
  std::getline(lines, line);
  if (line == kOlder) return content;
  bool whole = line == kHeading;
  while (whole && std::getline(lines, line) && !line.starts_with(kEnd)) {
    std::istringstream fields(line);
    Choice choice;
    std::getline(fields, choice.problem, '\t');
    std::getline(fields, choice.pass, '\t');
    std::getline(fields, choice.algorithm);
    whole = is_choice(choice) || is_check(choice);
    if (is_check(choice)) {
      content.checks[choice.problem] = choice.algorithm == "right";
    } else {
      content.choices[{choice.problem, choice.pass}] = choice.algorithm;
    }
  }
  check(whole && line == fmt::format("{}{}", kEnd, content.choices.size() + content.checks.size()),
        "{}: damaged, or no file of measured algorithms", file_);
  return content;
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
  const SelfChecks::Work work = SelfChecks::of_process().take_work();
  if (measured_ > 0) CREMA_INFO("Measured the algorithms of {} convolution passes in {:.2f} s", measured_, seconds_);
  if (work.comparisons > 0) {
    CREMA_INFO("Compared {} kernel{} of oneDNN with the plain path in {:.2f} s", work.comparisons,
               work.comparisons == 1 ? "" : "s", work.seconds);
  }
  const bool news = measured_ > 0 || SelfChecks::of_process().answers().size() > kept_checks_;
  measured_ = 0;
  seconds_ = 0;
  if (file_.empty() || !news) return;
  try {
    write();
  } catch (const std::exception& error) {
    if (!warned_) CREMA_WARN("measured algorithms are not kept: {}", error.what());
    warned_ = true;
  }
}

// What another process has written meanwhile is kept.
void Algorithms::write() {
  const fs::path folder = fs::path(file_).parent_path();
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error, "{}: cannot create the folder: {}", folder.string(), error.message());
  const Lock lock(file_ + ".lock");
  Content all;
  try {
    all = read();
  } catch (const Error&) {  // damaged: written anew
  }
  all.choices.insert(known_.begin(), known_.end());
  all.checks.merge(SelfChecks::of_process().answers());
  SelfChecks::of_process().add(all.checks);
  std::string text = fmt::format("{}\n", kHeading);
  for (const auto& [key, algorithm] : all.choices)
    text += fmt::format("{}\t{}\t{}\n", key.first, key.second, algorithm);
  for (const auto& [kernel, right] : all.checks)
    text += fmt::format("{}\t{}\t{}\n", kernel, kCheck, right ? "right" : "wrong");
  text += fmt::format("{}{}\n", kEnd, all.choices.size() + all.checks.size());
  write_file(file_, text);
  kept_checks_ = all.checks.size();
}

}  // namespace crema

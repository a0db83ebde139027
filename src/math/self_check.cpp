#include "math/self_check.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/log.h"
#include "math/loops.h"

namespace crema {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

thread_local bool paused = false;

std::string text_of(const SelfChecks::Kernel& kernel) {
  return fmt::format("{}, {}: {}", kernel.pass, kernel.name, kernel.problem);
}

}  // namespace

SelfChecks& SelfChecks::of_process() {
  static SelfChecks checks;
  return checks;
}

SelfChecks::Pause::Pause(bool wanted) : before_(paused) { paused = paused || wanted; }
SelfChecks::Pause::~Pause() { paused = before_; }

bool SelfChecks::known(const std::string& text, bool* right) const {
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(text);
  if (found != answers_.end()) *right = found->second;
  return found != answers_.end();
}

void SelfChecks::warn_once(const Kernel& kernel) {
  {
    const std::lock_guard lock(mutex_);
    if (!warned_.insert(kernel.pass + kernel.name).second) return;
  }
  CREMA_WARN("oneDNN's {} is wrong on this processor ({} of {}); the plain path computes what it would have",
             kernel.name, kernel.pass, kernel.problem);
}

bool SelfChecks::right(const Kernel& kernel, double tolerance, const std::function<std::optional<double>()>& error) {
  const std::string text = text_of(kernel);
  bool right = false;
  if (!known(text, &right)) {
    if (paused) return true;
    const auto start = std::chrono::steady_clock::now();
    std::optional<double> off;
    try {
      off = error();
    } catch (const Error&) {
      return false;
    }
    if (!off) return true;
    right = *off < tolerance;
    const std::lock_guard lock(mutex_);
    answers_[text] = right;
    ++work_.comparisons;
    work_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  if (!right) warn_once(kernel);
  return right;
}

SelfChecks::Answers SelfChecks::answers() const {
  const std::lock_guard lock(mutex_);
  return answers_;
}

void SelfChecks::add(const Answers& answers) {
  const std::lock_guard lock(mutex_);
  answers_.insert(answers.begin(), answers.end());
}

SelfChecks::Work SelfChecks::take_work() {
  const std::lock_guard lock(mutex_);
  return std::exchange(work_, {});
}

Buffer noise(long count, uint32_t seed) {
  Buffer buffer(count);
  for_elements(count, 4, [x = buffer.data(), seed](long i) {
    uint32_t h = (static_cast<uint32_t>(i) + seed) * 2654435761U;
    h = (h ^ (h >> 15)) * 2246822519U;
    x[i] = static_cast<real>(h >> 8) * real(1.1920929e-7) - 1;
  });
  return buffer;
}

double difference(const real* actual, const real* expected, long count) {
  double apart = 0, largest = 0;
  for (long i = 0; i < count; ++i) {
    const double d = std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    if (!std::isfinite(d)) return kInfinite;
    apart = std::max(apart, d);
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
  }
  return largest == 0 ? apart : apart / largest;
}

namespace {

constexpr long kBehind = 64;
constexpr real kMark = 12345;

}  // namespace

Guarded::Guarded(long count) : count_(count), buffer_(count + kBehind, std::numeric_limits<real>::quiet_NaN()) {
  std::fill_n(buffer_.data() + count, kBehind, kMark);
}

bool Guarded::intact() const {
  const real* behind = buffer_.data() + count_;
  return std::all_of(behind, behind + kBehind, [](real x) { return x == kMark; });
}

}  // namespace crema

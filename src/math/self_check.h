// Whether what the engine computes is right on this machine. Each of its kernels is compared once with the plain path,
// for each class of shapes that it is used on, on a small problem of that class (math/checked_engine.h). A kernel that
// is wrong is not used there. The process keeps the answers, and a store of measured algorithms (math/algorithms.h)
// keeps them for later processes.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "math/buffer.h"

namespace crema {

class SelfChecks {
 public:
  struct Kernel {
    std::string pass;     // "convolution forward"
    std::string name;     // as the engine calls it
    std::string problem;  // everything else that the answer depends on, except the machine
  };
  using Answers = std::map<std::string, bool>;  // by the kernel's text; true: it is right

  // The checks of this process.
  static SelfChecks& of_process();

  // Within its lifetime, if `wanted`, the calling thread compares nothing: kernels without an answer count as right.
  // For nets that are planned but never run.
  class Pause {
   public:
    explicit Pause(bool wanted);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    bool before_;
  };

  // Whether the kernel may be used. If there is no answer yet, calls `error`, which runs the kernel and returns its
  // error relative to the largest value. If `error` returns nothing, there is no problem to compare the kernel on, and
  // it is trusted. If `error` throws Error (for example for lack of memory), the kernel is not used. These two answers
  // are not remembered. Warns of a wrong kernel once for each pass and name.
  bool right(const Kernel& kernel, double tolerance, const std::function<std::optional<double>()>& error);

  // Like all functions here, it may be called by several threads at once.
  Answers answers() const;
  void add(const Answers& answers);  // those of an earlier process; what is known already stays

  // Comparisons made since the last call, and the seconds that they took.
  struct Work {
    int comparisons = 0;
    double seconds = 0;
  };
  Work take_work();

 private:
  bool known(const std::string& text, bool* right) const;
  void warn_once(const Kernel& kernel);

  mutable std::mutex mutex_;
  Answers answers_;
  std::set<std::string> warned_;
  Work work_;
};

// Pseudo-random numbers in [-1, 1).
Buffer noise(long count, uint32_t seed);

// Largest difference of `count` elements, relative to the largest magnitude of `expected`. Infinite where one is no
// number.
double difference(const real* actual, const real* expected, long count);

// Memory for a result: `count` elements that are NaN until they are written, and some after them that must not be
// written.
class Guarded {
 public:
  explicit Guarded(long count);
  real* data() { return buffer_.data(); }
  const real* data() const { return buffer_.data(); }
  bool intact() const;  // nothing was written after the end

 private:
  long count_;
  Buffer buffer_;
};

}  // namespace crema

#include "base/quiet.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.h"

namespace crema {
namespace {

// Gives this thread a table of descriptors of its own. The table does not keep other threads' files open: otherwise the
// end of a pipe, or a lock, would outlive its owner. If the system allows neither call, the thread's output is not
// dropped.
void own_descriptors() {
  if (::close_range(3, ~0U, CLOSE_RANGE_UNSHARE) != 0 && ::unshare(CLONE_FILES) != 0) return;
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0) return;
  ::dup2(null, STDOUT_FILENO);
  ::dup2(null, STDERR_FILENO);
  if (null > STDERR_FILENO) ::close(null);
}

class QuietThread {
 public:
  QuietThread() {
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // other threads take the signals
    try {
      thread_ = std::thread([this] { loop(); });
    } catch (const std::system_error& error) {
      ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw Error("no thread can be started: {}", error.what());
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  ~QuietThread() {
    give(nullptr);
    thread_.join();
  }
  QuietThread(const QuietThread&) = delete;
  QuietThread& operator=(const QuietThread&) = delete;

  void run(const std::function<void()>& work) {
    give(&work);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !given_; });
    if (const std::exception_ptr error = std::exchange(error_, nullptr)) std::rethrow_exception(error);
  }

 private:
  void give(const std::function<void()>* work) {
    {
      const std::lock_guard lock(mutex_);
      work_ = work;
      given_ = true;
    }
    changed_.notify_all();
  }

  void loop() {
    own_descriptors();
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return given_; });
      if (work_ == nullptr) return;
      try {
        (*work_)();
      } catch (...) {
        error_ = std::current_exception();
      }
      given_ = false;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  const std::function<void()>* work_ = nullptr;  // empty: the thread is to end
  bool given_ = false;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace

void quietly(const std::function<void()>& work) {
  thread_local QuietThread thread;
  thread.run(work);
}

}  // namespace crema

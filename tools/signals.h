// What Ctrl-C (SIGINT), SIGHUP and SIGTERM mean to a training: stop, with a snapshot; write a snapshot and go on; or
// nothing.
#pragma once

#include <atomic>
#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include "solvers/solver.h"

namespace crema {

// What was asked for; what was not is as usual: stop, snapshot, stop. A signal that was ignored when the program
// started (nohup, background jobs of scripts) then stays ignored.
struct SignalEffects {
  std::optional<Request> interrupt, hangup, terminate;
};

// In force during its lifetime, in threads that are made during it and in the one that makes it; one at a time. A
// thread of its own takes the signals: none interrupts a computation, whose machine code need not be fit for that.
// Whoever reads the log through a pipe may end first (Ctrl-C reaches all of a pipeline): that must not end the training
// without its snapshot, so that SIGPIPE is ignored. Where SIGINT means stop, a second one ends the program at once.
class Signals {
 public:
  explicit Signals(const SignalEffects& effects);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // What has been asked for since the last call; once it is stop, it stays so.
  static Request asked();

  // The signal that asked to stop; 0 if none did.
  static int stopped_by();

 private:
  struct Taken {
    int signal;
    struct sigaction before;
  };

  void take(int signal, std::optional<Request> effect, Request usual);
  sigset_t taken() const;
  void wait() const;

  std::vector<Taken> taken_;
  struct sigaction pipe_before_;
  sigset_t mask_before_;
  std::atomic<bool> done_ = false;
  std::thread waiter_;
};

}  // namespace crema

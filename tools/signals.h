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

// The effects that were asked for. Without one, SIGINT stops, SIGHUP takes a snapshot and SIGTERM stops; but a signal
// that was ignored when the program started (nohup, background jobs of scripts) stays ignored.
struct SignalEffects {
  std::optional<Request> interrupt, hangup, terminate;
};

// In force during its lifetime, in threads that are made during it and in the one that makes it; one at a time. A
// separate thread takes the signals, so that none interrupts a computation, whose machine code need not allow that.
// SIGPIPE is ignored: a program that reads the log through a pipe may end first (Ctrl-C reaches the whole pipeline),
// and that must not end the training without its snapshot. If SIGINT means stop, a second one ends the program at once.
class Signals {
 public:
  explicit Signals(const SignalEffects& effects);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // What has been asked for since the last call. Once it is stop, it remains stop.
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

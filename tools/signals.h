// What Ctrl-C (SIGINT) and SIGHUP mean to a training: stop, with a snapshot; write a snapshot and go on; or nothing.
#pragma once

#include <atomic>
#include <csignal>
#include <thread>

#include "solvers/solver.h"

namespace crema {

// In force during its lifetime, in threads that are made during it and in the one that makes it; one at a time. A
// thread of its own takes the signals: none interrupts a computation, whose machine code need not be fit for that.
// Whoever reads the log through a pipe may end first (Ctrl-C reaches all of a pipeline): that must not end the training
// without its snapshot, so that SIGPIPE is ignored. Where SIGINT means stop, a second one ends the program at once.
class Signals {
 public:
  Signals(Request on_interrupt, Request on_hangup);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // What has been asked for since the last call; once it is stop, it stays so.
  static Request asked();

 private:
  void wait() const;

  struct sigaction interrupt_before_, hangup_before_, pipe_before_;
  sigset_t mask_before_;
  std::atomic<bool> done_ = false;
  std::thread waiter_;
};

}  // namespace crema

#include "signals.h"

#include <pthread.h>
#include <unistd.h>

#include <string_view>

namespace crema {
namespace {

Request on_interrupt = Request::stop, on_hangup = Request::snapshot;
volatile std::sig_atomic_t stop_asked = 0, snapshot_asked = 0;

void handle(int signal) {
  const Request request = signal == SIGINT ? on_interrupt : on_hangup;
  if (request == Request::snapshot) snapshot_asked = 1;
  if (request != Request::stop) return;
  stop_asked = 1;
  if (signal != SIGINT) return;
  constexpr std::string_view text = "\nStopping after this iteration; once more ends at once.\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

void install(int signal, struct sigaction* before) {
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, before);
}

sigset_t both() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

// As if nobody had ever asked for SIGINT.
void end_at_once() {
  ::signal(SIGINT, SIG_DFL);
  const sigset_t set = both();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(SIGINT);
}

}  // namespace

Signals::Signals(Request interrupt, Request hangup) {
  stop_asked = 0;
  snapshot_asked = 0;
  on_interrupt = interrupt;
  on_hangup = hangup;
  const sigset_t set = both();
  pthread_sigmask(SIG_BLOCK, &set, &mask_before_);
  install(SIGINT, &interrupt_before_);
  install(SIGHUP, &hangup_before_);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &pipe_before_);
  waiter_ = std::thread([this] { wait(); });
}

void Signals::wait() const {
  const sigset_t set = both();
  for (int signal = 0; sigwait(&set, &signal) == 0 && !done_;) {
    if (signal == SIGINT && stop_asked != 0 && on_interrupt == Request::stop) end_at_once();
    handle(signal);
  }
}

Signals::~Signals() {
  done_ = true;
  pthread_kill(waiter_.native_handle(), SIGHUP);
  waiter_.join();
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  sigaction(SIGINT, &interrupt_before_, nullptr);
  sigaction(SIGHUP, &hangup_before_, nullptr);
  sigaction(SIGPIPE, &pipe_before_, nullptr);
}

Request Signals::asked() {
  if (stop_asked != 0) return Request::stop;
  if (snapshot_asked == 0) return Request::none;
  snapshot_asked = 0;
  return Request::snapshot;
}

}  // namespace crema

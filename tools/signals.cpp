#include "signals.h"

#include <pthread.h>
#include <unistd.h>

#include <string_view>

namespace crema {
namespace {

// Used by several threads, and by a signal handler in threads that were started before Signals was made.
std::atomic<Request> on_interrupt, on_hangup, on_terminate;
std::atomic<int> stop_signal = 0;
std::atomic<bool> snapshot_asked = false;
static_assert(std::atomic<Request>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
              std::atomic<bool>::is_always_lock_free);

std::atomic<Request>& effect_of(int signal) {
  return signal == SIGINT ? on_interrupt : signal == SIGHUP ? on_hangup : on_terminate;
}

void handle(int signal) {
  const Request request = effect_of(signal);
  if (request == Request::snapshot) snapshot_asked = true;
  if (request != Request::stop) return;
  int none = 0;
  stop_signal.compare_exchange_strong(none, signal);
  constexpr std::string_view text = "\nStopping after this iteration; once more ends at once.\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

void install(int signal, void (*handler)(int), struct sigaction* before) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, before);
}

// Ends the program as if the signal had never been handled.
void end_at_once(int signal, const sigset_t& set) {
  ::signal(signal, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(signal);
}

}  // namespace

Signals::Signals(const SignalEffects& effects) {
  stop_signal = 0;
  snapshot_asked = false;
  take(SIGINT, effects.interrupt, Request::stop);
  take(SIGHUP, effects.hangup, Request::snapshot);
  take(SIGTERM, effects.terminate, Request::stop);
  const sigset_t set = taken();
  pthread_sigmask(SIG_BLOCK, &set, &mask_before_);
  for (Taken& one : taken_) install(one.signal, handle, &one.before);
  install(SIGPIPE, SIG_IGN, &pipe_before_);
  if (!taken_.empty()) waiter_ = std::thread([this] { wait(); });
}

void Signals::take(int signal, std::optional<Request> effect, Request usual) {
  struct sigaction before {};
  sigaction(signal, nullptr, &before);
  if (!effect && before.sa_handler == SIG_IGN) return;
  effect_of(signal) = effect.value_or(usual);
  taken_.push_back({signal, before});
}

sigset_t Signals::taken() const {
  sigset_t set;
  sigemptyset(&set);
  for (const Taken& one : taken_) sigaddset(&set, one.signal);
  return set;
}

void Signals::wait() const {
  const sigset_t set = taken();
  bool stopping = false;
  for (int signal = 0; sigwait(&set, &signal) == 0 && !done_;) {
    const bool stops = effect_of(signal) == Request::stop;
    if (stops && stopping) end_at_once(signal, set);
    stopping = stopping || stops;
    handle(signal);
  }
}

Signals::~Signals() {
  done_ = true;
  if (waiter_.joinable()) {
    pthread_kill(waiter_.native_handle(), taken_[0].signal);
    waiter_.join();
  }
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  for (const Taken& one : taken_) sigaction(one.signal, &one.before, nullptr);
  sigaction(SIGPIPE, &pipe_before_, nullptr);
}

Request Signals::asked() {
  if (stop_signal != 0) return Request::stop;
  return snapshot_asked.exchange(false) ? Request::snapshot : Request::none;
}

int Signals::stopped_by() { return stop_signal; }

}  // namespace crema

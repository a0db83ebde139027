#include "signals.h"

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

void install(int signal, Request request, struct sigaction* before) {
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  // The second one meets the system's own handler.
  if (signal == SIGINT && request == Request::stop) action.sa_flags |= static_cast<int>(SA_RESETHAND);
  sigaction(signal, &action, before);
}

}  // namespace

Signals::Signals(Request interrupt, Request hangup) {
  stop_asked = 0;
  snapshot_asked = 0;
  on_interrupt = interrupt;
  on_hangup = hangup;
  install(SIGINT, interrupt, &interrupt_before_);
  install(SIGHUP, hangup, &hangup_before_);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &pipe_before_);
}

Signals::~Signals() {
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

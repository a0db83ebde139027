#include "interrupt.h"

#include <unistd.h>

#include <string_view>

namespace crema {
namespace {

volatile std::sig_atomic_t asked_to_stop = 0;

void handle(int) {
  asked_to_stop = 1;
  constexpr std::string_view text = "\nStopping after this iteration; once more ends at once.\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

Interrupt::Interrupt() {
  asked_to_stop = 0;
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);  // the second one meets the system's own handler
  sigaction(SIGINT, &action, &before_);
}

Interrupt::~Interrupt() { sigaction(SIGINT, &before_, nullptr); }

bool Interrupt::asked() { return asked_to_stop != 0; }

}  // namespace crema

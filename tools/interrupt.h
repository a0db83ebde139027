// Ctrl-C, once: ask the program to stop where it can. Twice: the system ends it at once.
#pragma once

#include <csignal>

namespace crema {

// In force during its lifetime; one at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  static bool asked();

 private:
  struct sigaction before_;
};

}  // namespace crema

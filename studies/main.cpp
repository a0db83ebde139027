// The program of a study: STUDY is the function that does it.
#include <cstdio>

#include "base/log.h"
#include "study.h"

int main() {
  crema::set_up_log();
  spdlog::set_level(spdlog::level::warn);
  try {
    crema::STUDY();
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}

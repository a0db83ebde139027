// A limit of memory (ulimit -v) under which the libraries that the program is linked with do not come to their start:
// OpenBLAS then asks for its buffers for ever. Their constructors run before main(), and what stands here before them.
#include <sys/resource.h>
#include <unistd.h>

#include <string_view>

namespace {

constexpr rlim_t kLeast = 700 << 20;

// Nothing but system calls: the C++ library has not started yet.
void refuse_small_limit(int, char**, char**) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur >= kLeast) return;
  constexpr std::string_view kText =
      "crema: the limit of memory is too small (ulimit -v): the program and its libraries take 700 MB of addresses\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(1);
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const before_libraries)(int, char**, char**) = refuse_small_limit;

}  // namespace

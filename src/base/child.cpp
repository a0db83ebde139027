#include "base/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "base/error.h"

namespace crema {
namespace {

constexpr int kPatience = 600 * 1000;  // milliseconds without a byte after which the parent gives up a child
constexpr int kPipeSize = 1 << 20;

// kind 'd': results; 'e': the message of an Error; 'z': the end.
struct Frame {
  char kind;
  uint64_t size;
};

// The child keeps only the parent's memory. It has no terminal and no open files, so a faulty library can neither print
// nor write into files. An interrupt that is meant for the parent does not end the child.
void part_from_parent(int* pipe, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) std::signal(signal, SIG_IGN);
  for (const int signal : {SIGPIPE, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU}) std::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  *pipe = ::fcntl(*pipe, F_DUPFD, 3);
  const int null = ::open("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2}) ::dup2(null, standard);
  if (*pipe > 3 && ::dup2(*pipe, 3) == 3) *pipe = 3;
  ::close_range(4, ~0U, 0);
}

[[noreturn]] void run(const std::function<void(ChildOutput&)>& work, int pipe, pid_t parent) {
  part_from_parent(&pipe, parent);
  ChildOutput output(pipe);
  const auto fail = [&](std::string_view message) { output.write('e', message.data(), message.size()); };
  try {
    work(output);
    output.write('z', nullptr, 0);
  } catch (const std::bad_alloc&) {
    fail("it takes far more memory than its size accounts for");
  } catch (const std::exception& error) {
    fail(error.what());
  }
  ::_exit(0);
}

}  // namespace

void ChildOutput::write(char kind, const void* bytes, size_t size) {
  const Frame frame{kind, size};
  const auto all = [this](const char* from, size_t count) {
    while (count > 0) {
      const ssize_t n = ::write(pipe_, from, count);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) ::_exit(1);  // the parent is gone
      from += n;
      count -= static_cast<size_t>(n);
    }
  };
  all(reinterpret_cast<const char*>(&frame), sizeof frame);
  all(static_cast<const char*>(bytes), size);
}

Child::Child(const std::function<void(ChildOutput&)>& work) {
  int ends[2];
  check(::pipe2(ends, O_CLOEXEC) == 0, "no pipe can be made: {}", std::strerror(errno));
  ::fcntl(ends[1], F_SETPIPE_SZ, kPipeSize);
  const pid_t parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) run(work, ends[1], parent);
  const int error = errno;
  ::close(ends[1]);
  pipe_ = ends[0];
  if (process_ < 0) {
    ::close(pipe_);
    throw Error("no process can be started: {}", std::strerror(error));
  }
}

Child::~Child() {
  if (!done_) ::kill(process_, SIGKILL);
  reap();
  ::close(pipe_);
}

// The child's exit status; -1 if it is unknown (a program may ignore SIGCHLD).
int Child::reap() {
  if (process_ < 0) return -1;
  int status = -1;
  pid_t reaped = 0;
  do reaped = ::waitpid(process_, &status, 0);
  while (reaped < 0 && errno == EINTR);
  process_ = -1;
  done_ = true;
  return reaped < 0 ? -1 : status;
}

std::string Child::death() {
  const int status = reap();
  if (status != -1 && WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (signal == SIGXCPU || signal == SIGKILL) return "it takes far more time or memory than its size accounts for";
    return fmt::format("the library that reads it crashes on it ({})", ::strsignal(signal));
  }
  return "the library that reads it ends on it";
}

// Whether all bytes came.
bool Child::read_pipe(void* bytes, size_t size) {
  for (auto* to = static_cast<char*>(bytes); size > 0;) {
    pollfd ready{pipe_, POLLIN, 0};
    const int events = ::poll(&ready, 1, kPatience);
    if (events < 0 && errno == EINTR) continue;
    if (events == 0) ::kill(process_, SIGKILL);
    const ssize_t n = ::read(pipe_, to, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

void Child::next_frame() {
  Frame frame{};
  if (!read_pipe(&frame, sizeof frame)) throw Error("{}", death());
  left_ = frame.size;
  if (frame.kind == 'd') return;
  done_ = true;
  std::string message(frame.kind == 'e' ? frame.size : 0, '\0');
  if (frame.kind == 'e' && read_pipe(message.data(), message.size())) throw Error("{}", message);
}

void Child::read(void* bytes, size_t size) {
  auto* to = static_cast<char*>(bytes);
  while (size > 0) {
    if (left_ == 0) next_frame();
    check(!done_, "the library that reads it ends on it");
    const size_t part = std::min<uint64_t>(left_, size);
    if (!read_pipe(to, part)) throw Error("{}", death());
    to += part;
    size -= part;
    left_ -= part;
  }
}

void Child::finish() {
  while (!done_) next_frame();
  reap();
}

namespace {

template <typename Resource>
rlim_t soft_limit(Resource what) {
  rlimit limit{};
  ::getrlimit(what, &limit);
  return limit.rlim_cur;
}

}  // namespace

void limit_child(uint64_t memory, uint64_t seconds) {
  unsigned long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%lu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  // A second call may allow more than the first, but never more than the parent has.
  const auto limit = [](auto what, uint64_t value, rlim_t parents) {
    rlimit both{};
    ::getrlimit(what, &both);
    both.rlim_cur = std::min<rlim_t>({value, parents, both.rlim_max});
    ::setrlimit(what, &both);
  };
  static const rlim_t parents_memory = soft_limit(RLIMIT_AS), parents_seconds = soft_limit(RLIMIT_CPU);
  if (pages > 0) limit(RLIMIT_AS, pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) + memory, parents_memory);
  limit(RLIMIT_CPU, seconds, parents_seconds);
}

}  // namespace crema

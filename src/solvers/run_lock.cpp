#include "solvers/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "solvers/check.h"
#include "solvers/snapshot.h"

namespace crema {
namespace {

// The process that the lock file names: "process 4711 on host gauss".
std::string holder(const std::string& path) {
  constexpr uint64_t kLongest = 200;
  try {
    std::string text = read_file(path, kLongest);
    while (text.ends_with('\n')) text.pop_back();
    return text.empty() ? "another process" : printable(text);
  } catch (const Error&) {
    return "another process";
  }
}

std::string this_process() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return fmt::format("process {} on host {}\n", ::getpid(), host);
}

// Whether the file at `path` is still the open one: the process that held its lock before may have removed it since.
bool is_at(int file, const std::string& path) {
  struct stat open {
  }, now{};
  return ::fstat(file, &open) == 0 && ::lstat(path.c_str(), &now) == 0 && open.st_dev == now.st_dev &&
         open.st_ino == now.st_ino;
}

// A regular file, empty or written by a lock.
bool may_be_lock(int file) {
  constexpr std::string_view kBegin = "process ";
  struct stat status {};
  char begin[kBegin.size()] = "";
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  return status.st_size == 0 || (::pread(file, begin, sizeof begin, 0) == static_cast<ssize_t>(sizeof begin) &&
                                 std::string_view(begin, sizeof begin) == kBegin);
}

}  // namespace

RunLock::RunLock(const SolverConfig& config) : path_(run_files(config).lock) {
  while (true) {
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    const bool foreign = file_ >= 0 ? !may_be_lock(file_) : errno == ELOOP || errno == ENXIO || errno == EISDIR;
    if (foreign && file_ >= 0) ::close(std::exchange(file_, -1));
    check_field(config, "snapshot_prefix", !foreign,
                "{} exists and is not the lock of a training: move it away, or give another snapshot_prefix", path_);
    const bool locked = file_ >= 0 && ::flock(file_, LOCK_EX | LOCK_NB) == 0;
    if (locked && is_at(file_, path_)) break;
    const int reason = errno;
    const bool possible = file_ >= 0 || reason == EINTR || reason == ENOSPC || reason == EDQUOT;  // or later
    if (file_ >= 0) ::close(std::exchange(file_, -1));
    if (locked || reason == EINTR) continue;
    check_field(config, "snapshot_prefix", possible, "no file can be made where this run's go: {}: {}", path_,
                std::strerror(reason));
    check_field(
        config, "snapshot_prefix", reason != EWOULDBLOCK,
        "another training, {}, writes files with this snapshot_prefix and holds {}: wait until it has ended, or "
        "give this one another snapshot_prefix",
        holder(path_), path_);
    CREMA_WARN("{}: cannot be locked ({}): another training with this snapshot_prefix would not be noticed", path_,
               std::strerror(reason));
    return;
  }
  const std::string text = this_process();
  const bool written = ::ftruncate(file_, 0) == 0 && ::write(file_, text.data(), text.size()) > 0;
  if (!written) CREMA_WARN("{}: cannot be written: {}", path_, std::strerror(errno));
}

// The file is removed while it is locked. A process that opens the path afterwards gets another file, or none.
RunLock::~RunLock() {
  if (file_ < 0) return;
  if (is_at(file_, path_)) ::unlink(path_.c_str());
  ::close(file_);
}

std::shared_ptr<const RunLock> lock_files(const SolverConfig& config) {
  if (!writes_snapshots(config) && !writes_metrics(config)) return nullptr;
  check_snapshot_folder(config);
  return std::make_shared<const RunLock>(config);
}

}  // namespace crema

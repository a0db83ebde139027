#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/error.h"

namespace crema {
namespace {

std::string reason() { return std::strerror(errno); }

// An open file descriptor, closed on every way out.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

void write_all(Descriptor& file, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    check(n > 0, "{}: cannot write: {}", path, reason());
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  check(::fsync(file.get()) == 0, "{}: cannot flush to disk: {}", path, reason());
  check(file.close() == 0, "{}: cannot write: {}", path, reason());
}

}  // namespace

std::string read_file(const std::string& path, uint64_t limit) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  check(file.get() >= 0, "{}: cannot open: {}", path, reason());
  struct stat info {};
  check(::fstat(file.get(), &info) == 0, "{}: cannot read: {}", path, reason());
  check(!S_ISDIR(info.st_mode), "{}: is a folder, not a file", path);
  std::string bytes;
  if (S_ISREG(info.st_mode)) bytes.reserve(std::min<uint64_t>(static_cast<uint64_t>(info.st_size), limit));
  std::vector<char> buffer(1 << 16);
  while (true) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    check(n >= 0, "{}: cannot read: {}", path, reason());
    if (n == 0) return bytes;
    check(bytes.size() + static_cast<size_t>(n) <= limit, "{}: larger than the {} bytes that are read at most", path,
          limit);
    bytes.append(buffer.data(), static_cast<size_t>(n));
  }
}

void write_file(const std::string& path, std::string_view bytes) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  try {
    Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    check(file.get() >= 0, "{}: cannot write: {}", path, reason());
    write_all(file, path, bytes);
    check(::rename(temporary.c_str(), path.c_str()) == 0, "{}: cannot write: {}", path, reason());
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  // The rename itself is on disk once the folder is.
  const std::string folder = std::filesystem::path(path).parent_path().string();
  Descriptor directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
}

std::string find_beside(const std::string& path, const std::string& file, std::string_view what) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  check(!path.empty(), "{} has an empty name", what);
  if (fs::exists(path, ignored)) return path;
  const fs::path beside = fs::path(file).parent_path() / path;
  if (fs::exists(beside, ignored)) return beside.string();
  const std::string here = fs::current_path(ignored).string();
  if (fs::path(path).is_absolute() || file.empty()) throw Error("{} \"{}\" does not exist", what, path);
  throw Error("{} \"{}\" is neither in the working directory ({}) nor beside {} ({})", what, path, here, file,
              beside.string());
}

}  // namespace crema

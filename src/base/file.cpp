#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

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

// A link stays a link; the file that it leads to is written, even if it does not exist yet.
std::string end_of_links(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path end = path;
  for (int links = 0; fs::is_symlink(end, error); ++links) {
    check(links < 40, "{}: cannot write: too many links", path);
    end = end.parent_path() / fs::read_symlink(end, error);
  }
  return end.string();
}

// A file under its temporary name. The destructor removes it, unless it was renamed.
class Draft {
 public:
  explicit Draft(const std::string& path) : path_(path), target_(end_of_links(path)) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    check(!fs::is_directory(target_, ignored), "{}: cannot write: it is a folder", path);
    check(!fs::exists(target_, ignored) || fs::is_regular_file(target_, ignored),
          "{}: cannot write: it is no regular file", path);
  }
  ~Draft() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  Draft(Draft&& other) noexcept
      : path_(std::move(other.path_)),
        target_(std::move(other.target_)),
        temporary_(std::exchange(other.temporary_, "")) {}
  Draft& operator=(Draft&&) = delete;

  void fill(std::string_view bytes) {
    temporary_ = draft_name(target_);
    Descriptor file(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    check(file.get() >= 0, "{}: cannot write: {}", path_, reason());
    write_all(file, path_, bytes);
  }

  void publish() {
    check(::rename(temporary_.c_str(), target_.c_str()) == 0, "{}: cannot write: {}", path_, reason());
    temporary_.clear();
    // The rename reaches the disk only when the folder is flushed.
    const std::string folder = std::filesystem::path(target_).parent_path().string();
    Descriptor directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() >= 0) ::fsync(directory.get());
  }

 private:
  std::string path_, target_, temporary_;
};

}  // namespace

std::string read_file(const std::string& path, uint64_t limit) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  check(file.get() >= 0, "{}: cannot open: {}", path, reason());
  struct stat info {};
  check(::fstat(file.get(), &info) == 0, "{}: cannot read: {}", path, reason());
  check(!S_ISDIR(info.st_mode), "{}: is a folder, not a file", path);
  const bool device = S_ISBLK(info.st_mode) || (S_ISCHR(info.st_mode) && ::isatty(file.get()) == 0);
  check(!device, "{}: is a device, not a file", path);
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

std::string draft_name(const std::string& path) { return fmt::format("{}.{}.tmp", path, ::getpid()); }

void check_regular(const std::string& path) {
  struct stat info {};
  check(::stat(path.c_str(), &info) == 0, "{}: cannot open: {}", path, reason());
  check(S_ISREG(info.st_mode), "{}: is {}, not a file", path,
        S_ISDIR(info.st_mode)    ? "a folder"
        : S_ISFIFO(info.st_mode) ? "a pipe"
                                 : "a device or a socket");
}

void write_file(const std::string& path, std::string_view bytes) {
  Draft draft(path);
  draft.fill(bytes);
  draft.publish();
}

void write_files(const std::vector<FileBytes>& files) {
  std::vector<Draft> drafts;
  for (const FileBytes& file : files) drafts.emplace_back(file.path).fill(file.bytes);
  for (Draft& draft : drafts) draft.publish();
}

void print_error(std::string_view text) {
  [[maybe_unused]] const size_t written = std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

std::string find_beside(const std::string& path, const std::string& file, std::string_view what, bool packed_too) {
  namespace fs = std::filesystem;
  check(!path.empty(), "{} has an empty name", what);
  std::vector<std::string> names = {path};
  if (packed_too) names.push_back(path.ends_with(".gz") ? path.substr(0, path.size() - 3) : path + ".gz");
  const auto beside = [&](const std::string& name) { return (fs::path(file).parent_path() / name).string(); };
  std::error_code ignored;
  for (const std::string& name : names) {
    if (fs::exists(name, ignored)) return name;
    if (fs::exists(beside(name), ignored)) return beside(name);
  }
  const std::string neither = packed_too ? fmt::format(", and neither is {}", names[1]) : "";
  if (fs::path(path).is_absolute() || file.empty()) throw Error("{} \"{}\" does not exist{}", what, path, neither);
  throw Error("{} \"{}\" is neither in the working directory ({}) nor beside {} ({}){}", what, path,
              fs::current_path(ignored).string(), file, beside(path), neither);
}

}  // namespace crema

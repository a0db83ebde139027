#include "data/lmdb_pages.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace crema {
namespace {

// The file format of LMDB 0.9 (version 1), as 64-bit little-endian machines write it. All offsets in bytes.
constexpr size_t kHeader = 16, kFlagsAt = 10, kLowerAt = 12;        // page: flags, end of its table of nodes
constexpr size_t kMetaSize = 152;                                   // what is read of a meta page:
constexpr size_t kMagicAt = 16, kVersionAt = 20, kPageSizeAt = 40;  //
constexpr size_t kDbFlagsAt = 92, kEntriesAt = 120, kRootAt = 128;  //   of the unnamed database
constexpr size_t kLastPageAt = 136, kTransactionAt = 144;           //
constexpr size_t kNode = 8, kNodeFlagsAt = 4, kKeySizeAt = 6;       // node: size of data or page of a child, flags, key
constexpr uint16_t kBranch = 1, kLeaf = 2, kNodeElsewhere = 1;
constexpr uint64_t kNoPage = ~uint64_t{0};
constexpr int kMaxDepth = 32;
constexpr size_t kMaxKey = 511;

template <typename T>
T get(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

class LmdbFile {
 public:
  explicit LmdbFile(const std::string& path) : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    static_assert(std::endian::native == std::endian::little && sizeof(size_t) == 8);
    check(file_ >= 0, "{}: cannot open: {}", path, std::strerror(errno));
  }
  ~LmdbFile() {
    if (file_ >= 0) ::close(file_);
  }
  LmdbFile(const LmdbFile&) = delete;
  LmdbFile& operator=(const LmdbFile&) = delete;

  std::vector<std::string> keys() {
    const std::string meta = newest_meta();
    const auto flags = get<uint16_t>(meta, kDbFlagsAt);
    check(flags == 0, "{}: an LMDB database with duplicate, reversed or integer keys (flags {:#x})", path_, flags);
    last_page_ = get<uint64_t>(meta, kLastPageAt);
    struct stat info {};
    check(::fstat(file_, &info) == 0, "{}: cannot read: {}", path_, std::strerror(errno));
    const auto pages = static_cast<uint64_t>(info.st_size) / page_size_;
    check(last_page_ < pages, "{}: cut off: it has {} pages, and the last should be page {}", path_, pages, last_page_);
    const auto root = get<uint64_t>(meta, kRootAt);
    if (root != kNoPage) walk(root, 1);
    const auto entries = get<uint64_t>(meta, kEntriesAt);
    check(keys_.size() == entries, "{}: damaged: {} records are in it, and it should be {}", path_, keys_.size(),
          entries);
    return std::move(keys_);
  }

 private:
  std::string read(uint64_t at, size_t size) {
    std::string bytes(size, '\0');
    for (size_t have = 0; have < size;) {
      const ssize_t got = ::pread(file_, bytes.data() + have, size - have, static_cast<off_t>(at + have));
      if (got < 0 && errno == EINTR) continue;
      check(got >= 0, "{}: cannot read: {}", path_, std::strerror(errno));
      check(got > 0, "{}: cut off, or not an LMDB file", path_);
      have += static_cast<size_t>(got);
    }
    return bytes;
  }

  std::string read_meta(uint64_t at) {
    std::string meta = read(at, kMetaSize);
    check(get<uint32_t>(meta, kMagicAt) == 0xBEEFC0DE, "{}: not an LMDB file, or damaged", path_);
    check(get<uint32_t>(meta, kVersionAt) == 1, "{}: LMDB format version {}; version 1 is read", path_,
          get<uint32_t>(meta, kVersionAt));
    page_size_ = get<uint32_t>(meta, kPageSizeAt);
    check(page_size_ >= 512 && page_size_ <= 32768 && std::has_single_bit(page_size_), "{}: damaged: pages of {} bytes",
          path_, page_size_);
    return meta;
  }

  // Of the two meta pages, the one of the last transaction is in force.
  std::string newest_meta() {
    const std::string first = read_meta(0);
    const uint32_t page_size = page_size_;
    std::string second = read_meta(page_size);
    check(page_size_ == page_size, "{}: damaged: pages of {} and of {} bytes", path_, page_size, page_size_);
    return get<uint64_t>(first, kTransactionAt) < get<uint64_t>(second, kTransactionAt) ? second : first;
  }

  void walk(uint64_t number, int depth) {
    check(number >= 2 && number <= last_page_, "{}: damaged: refers to page {} of {}", path_, number, last_page_ + 1);
    check(depth <= kMaxDepth && ++walked_ <= last_page_, "{}: damaged: its pages form a loop", path_);
    const std::string page = read(number * page_size_, page_size_);
    const auto flags = get<uint16_t>(page, kFlagsAt);
    check(flags == kBranch || flags == kLeaf, "{}: damaged: page {} is of kind {:#x}", path_, number, flags);
    const size_t end = get<uint16_t>(page, kLowerAt), least = flags == kBranch ? 2 : 1;
    check(end % 2 == 0 && end >= kHeader + 2 * least && end <= page_size_, "{}: damaged: the header of page {}", path_,
          number);
    size_t used = end;  // if nodes overlapped, their keys could have more bytes than the file
    for (size_t at = kHeader; at < end; at += 2) {
      const size_t node = get<uint16_t>(page, at);
      check(node % 2 == 0 && node >= end && node + kNode <= page_size_ &&
                node + kNode + get<uint16_t>(page, node + kKeySizeAt) <= page_size_,
            "{}: damaged: the contents of page {}", path_, number);
      used += kNode + get<uint16_t>(page, node + kKeySizeAt);
      check(used <= page_size_, "{}: damaged: the contents of page {} overlap", path_, number);
      if (flags == kLeaf) {
        add_key(page, node, number);
      } else {
        // Instead of size and flags there is the child's page: 48 bits.
        walk(get<uint64_t>(page, node) & 0xFFFFFFFFFFFF, depth + 1);
      }
    }
  }

  void add_key(const std::string& page, size_t node, uint64_t number) {
    const auto flags = get<uint16_t>(page, node + kNodeFlagsAt);
    check((flags & ~kNodeElsewhere) == 0, "{}: holds named databases or duplicate keys, or is damaged (page {})", path_,
          number);
    const size_t key_size = get<uint16_t>(page, node + kKeySizeAt), data = node + kNode + key_size;
    const uint64_t size = get<uint32_t>(page, node);
    uint64_t room = page_size_ - data;
    if (flags == kNodeElsewhere && room >= sizeof(uint64_t)) {
      // The data starts on a separate page, after its header, and continues on the following pages.
      const auto first = get<uint64_t>(page, data);
      room = first >= 2 && first <= last_page_ ? (last_page_ + 1 - first) * page_size_ - kHeader : 0;
    } else if (flags == kNodeElsewhere) {
      room = 0;
    }
    check(key_size > 0 && key_size <= kMaxKey && size <= room, "{}: damaged: the contents of page {}", path_, number);
    std::string key = page.substr(node + kNode, key_size);
    check(keys_.empty() || keys_.back() < key, "{}: damaged: the keys of page {} are not in order", path_, number);
    keys_.push_back(std::move(key));
  }

  std::string path_;
  int file_;
  uint32_t page_size_ = 0;
  uint64_t last_page_ = 0, walked_ = 0;
  std::vector<std::string> keys_;
};

}  // namespace

std::vector<std::string> lmdb_keys(const std::string& path) { return LmdbFile(path).keys(); }

}  // namespace crema

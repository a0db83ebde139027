// The format of MNIST: one file of images, one of labels, each gzipped or not, held in memory.
// A file is 00 00 08 (unsigned bytes) and the number of axes, each axis' size in 4 bytes (big-endian), then the values.
// http://yann.lecun.com/exdb/mnist
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "data/record_source.h"

namespace crema {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{1} << 32;  // of one file, unpacked
constexpr uint64_t kMaxRatio = 1032;               // deflate packs no better than this
constexpr size_t kChunk = size_t{1} << 24;

// A file, unpacked on the way if it is gzipped (whatever its name says).
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {
    std::error_code error;
    check(!std::filesystem::is_directory(path, error), "{}: is a folder; backend IDX reads a file of images", path);
    size_ = std::filesystem::file_size(path, error);
    check(!error, "{}: cannot read: {}", path, error.message());
    file_ = gzopen(path.c_str(), "rb");
    check(file_ != nullptr, "{}: cannot open: {}", path, std::strerror(errno));
  }
  ~Reader() { gzclose(file_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  bool packed() const { return gzdirect(file_) == 0; }
  uint64_t size() const { return size_; }  // on disk

  // Appends `count` bytes, or as many as are left; returns whether there were enough.
  bool append(std::string* bytes, uint64_t count) {
    while (count > 0) {
      const size_t have = bytes->size(), part = std::min<uint64_t>(count, kChunk);
      bytes->resize(have + part);
      const int got = gzread(file_, bytes->data() + have, static_cast<unsigned>(part));
      bytes->resize(have + static_cast<size_t>(std::max(got, 0)));
      if (got < static_cast<int>(part)) return check_end(), false;
      count -= part;
    }
    return true;
  }

 private:
  void check_end() const {
    int code = Z_OK;
    const char* text = gzerror(file_, &code);
    check(code == Z_OK || code == Z_STREAM_END, "{}: cannot be {}: {}", path_, packed() ? "unpacked" : "read",
          code == Z_ERRNO       ? std::strerror(errno)
          : code == Z_BUF_ERROR ? "it ends too early"
                                : text);
  }

  std::string path_;
  uint64_t size_ = 0;
  gzFile file_ = nullptr;
};

struct Idx {
  std::vector<uint32_t> dims;
  std::string values;
};

uint32_t big_endian(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// The product of the sizes; kMaxBytes + 1 where it is larger than kMaxBytes.
uint64_t bounded_product(const std::vector<uint32_t>& dims) {
  uint64_t product = 1;
  for (const uint32_t dim : dims) product = std::min(product * dim, kMaxBytes + 1);  // below 2^33 * 2^32: no overflow
  return product;
}

// Checks sizes before it allocates: no memory is taken for more than the file can hold.
Idx read_idx(const std::string& path, unsigned min_axes, unsigned max_axes, const char* what) {
  Reader file(path);
  std::string header;
  const bool begins = file.append(&header, 4);
  check(begins, "{}: holds {} bytes, too few for an IDX file", path, header.size());
  const unsigned axes = static_cast<unsigned char>(header[3]);
  check(header.compare(0, 3, std::string("\0\0\x08", 3)) == 0 && axes >= min_axes && axes <= max_axes,
        "{}: is not an IDX file of {}: its first bytes are {:08x} and should be {:08x}", path, what,
        big_endian(header, 0), 0x800 + min_axes);
  check(file.append(&header, 4 * axes), "{}: ends within its header", path);
  Idx idx;
  for (unsigned axis = 0; axis < axes; ++axis) idx.dims.push_back(big_endian(header, 4 + 4 * axis));
  const uint64_t count = bounded_product(idx.dims);
  const std::string sizes = fmt::format("{}", fmt::join(idx.dims, " x "));
  check(count > 0, "{}: is empty: {} {}", path, sizes, what);
  check(count <= kMaxBytes, "{}: {} {} are more than the {} bytes that are read at most", path, sizes, what, kMaxBytes);
  if (file.packed()) {
    check(count / kMaxRatio <= file.size(), "{}: {} {} cannot be packed into {} bytes", path, sizes, what, file.size());
  } else {
    check(file.size() - header.size() == count, "{}: {} bytes follow the header, which announces {} ({} {})", path,
          file.size() - header.size(), count, sizes, what);
  }
  const bool complete = file.append(&idx.values, count);
  check(complete, "{}: {} bytes follow the header, which announces {} ({} {})", path, idx.values.size(), count, sizes,
        what);
  std::string rest;
  check(!file.append(&rest, 1), "{}: more bytes follow than the header announces: {} {}", path, sizes, what);
  return idx;
}

std::string labels_beside(const std::string& images) {
  constexpr std::string_view from = "images-idx3", to = "labels-idx1";
  const size_t folder = images.find_last_of('/') + 1;  // 0 without one
  const size_t at = images.rfind(from.substr(0, from.size() - 1));
  check(at != std::string::npos && at >= folder && at + from.size() <= images.size(),
        "{}: the name is not of the form \"x-images-idx3-ubyte\", from which that of the labels follows; give "
        "label_source",
        images);
  return find_beside(std::string(images).replace(at, from.size(), to), "", "file of labels", true);
}

class IdxSource final : public RecordSource {
 public:
  IdxSource(const DataParameter& config, const SourceOptions& options) {
    const std::string path = find_beside(config.source(), options.file, "file of images", true);
    images_ = read_idx(path, 3, 4, "images");
    auto& dims = images_.dims;
    if (dims.size() == 3) dims.insert(dims.begin() + 1, 1);  // grey
    check(std::all_of(dims.begin(), dims.end(), [](uint32_t dim) { return dim <= INT_MAX; }), "{}: {} is too large",
          path, fmt::join(dims, " x "));
    count_ = images_.values.size() / dims[0];
    if (options.labels) read_labels(config, options, path);
  }

  uint64_t size() const override { return images_.dims[0]; }

  void read(uint64_t i, Record* record) override {
    record->channels = static_cast<int>(images_.dims[1]);
    record->height = static_cast<int>(images_.dims[2]);
    record->width = static_cast<int>(images_.dims[3]);
    record->bytes.assign(images_.values, i * count_, count_);
    record->floats.clear();
    record->label = labels_.empty() ? 0 : static_cast<unsigned char>(labels_[i]);
    record->decoded = false;
  }

 private:
  void read_labels(const DataParameter& config, const SourceOptions& options, const std::string& images) {
    const std::string path = config.has_label_source()
                                 ? find_beside(config.label_source(), options.file, "file of labels", true)
                                 : labels_beside(images);
    labels_ = read_idx(path, 1, 1, "labels").values;
    check(labels_.size() == size(), "{} holds {} labels and {} holds {} images", path, labels_.size(), images, size());
  }

  Idx images_;
  std::string labels_;
  size_t count_ = 0;  // bytes of one image
};

}  // namespace

std::unique_ptr<RecordSource> open_idx(const DataParameter& config, const SourceOptions& options) {
  return std::make_unique<IdxSource>(config, options);
}

}  // namespace crema

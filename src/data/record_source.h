// Where records come from: a numbered collection of images (or other arrays of three axes) with a label each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "crema.pb.h"

namespace crema {

// One record: an array of C x H x W in row-major order, and a label.
struct Record {
  int channels = 0, height = 0, width = 0;
  std::string bytes;          // the C*H*W values, 0..255; empty where `floats` holds them
  std::vector<float> floats;  // the values that are not bytes; empty where `bytes` holds them
  int label = 0;
  bool decoded = false;  // came from an image file (PNG, JPEG, ...)

  long count() const { return static_cast<long>(channels) * height * width; }
};

// How image files are decoded: with their own channels, converted to three (blue, green, red), or converted to one.
enum class Channels { as_stored, color, gray };

struct Decoding {
  Channels channels = Channels::as_stored;
  uint64_t max_pixels = TransformationParameter::default_instance().max_pixels();  // larger ones are refused
};

class RecordSource {
 public:
  virtual ~RecordSource() = default;

  virtual uint64_t size() const = 0;  // number of records, at least 1

  // Reads record i < size() into `record`, reusing its memory. Not for several threads at a time. Throws Error, with
  // name(i) in front, for a record that cannot be read or whose sizes contradict each other.
  virtual void read(uint64_t i, Record* record) = 0;

  // For messages: "record 7", with its key where it has one.
  virtual std::string name(uint64_t i) const;
};

struct SourceOptions {
  std::string file;  // text that names the source: where relative paths are looked up second
  Decoding decoding;
  bool labels = true;  // whether labels are wanted; IDX: without, no file of labels is needed
};

// Opens config.source() as config.backend() says. Throws Error if there is no such source, if it is damaged, too large
// or empty, or if the backend was left out of this build.
std::unique_ptr<RecordSource> open_records(const DataParameter& config, const SourceOptions& options);

// The backends of open_records(). Paths of databases have been looked up before.
std::unique_ptr<RecordSource> open_idx(const DataParameter& config, const SourceOptions& options);
std::unique_ptr<RecordSource> open_lmdb(const std::string& path, const Decoding& decoding);
std::unique_ptr<RecordSource> open_leveldb(const std::string& path, const Decoding& decoding);

// Image files that config.source() lists, a path and a label a line; read one by one, scaled as the configuration says.
// `file`: text that names the list; paths are looked up beside it second. Throws Error if the list is missing, empty or
// faulty, with the line, or if OpenCV was left out of this build.
std::unique_ptr<RecordSource> open_image_list(const ImageDataParameter& config, uint64_t max_pixels,
                                              const std::string& file);

}  // namespace crema

// Data sets for tests: files in a temporary folder, and data layers that run without a net.
#pragma once

#include <google/protobuf/text_format.h>
#include <stdlib.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "core/layer.h"

namespace crema {

// A new folder, removed with all that is in it.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "crema_data_XXXXXX").string();
    check(::mkdtemp(pattern.data()) != nullptr, "no temporary folder {}", pattern);
    path_ = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  // Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream file(*this / name, std::ios::binary);  // not write_file(): thousands of flushes to disk would be slow
    file << bytes;
    file.close();
    check(file.good(), "cannot write {}", *this / name);
    return *this / name;
  }

 private:
  std::string path_;
};

inline std::string gzip(const std::string& bytes) {
  z_stream stream{};
  check(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "no deflate");
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// A file in the format of MNIST.
inline std::string idx_file(const std::vector<uint32_t>& dims, const std::string& values) {
  std::string bytes{0, 0, 8, static_cast<char>(dims.size())};
  for (const uint32_t dim : dims) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(dim >> shift & 255);
  }
  return bytes + values;
}

// `count` bytes that count up from `first`.
inline std::string counting(size_t count, int first = 0) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(first + static_cast<int>(i));
  return bytes;
}

template <typename Message>
Message parsed(const std::string& text) {
  Message message;
  check(google::protobuf::TextFormat::ParseFromString(text, &message), "cannot parse {}", text);
  return message;
}

// A data layer with its own memory for its tops.
struct DataLayer {
  Pass pass;
  std::unique_ptr<Layer> layer;
  std::vector<std::unique_ptr<Blob>> blobs;
  Tops tops;

  explicit DataLayer(const std::string& text, Phase phase = TRAIN, uint64_t seed = 1, const std::string& file = "") {
    const auto config = parsed<LayerParameter>(text);
    layer = create_layer(config);
    LayerContext context;
    context.name = config.name();
    context.file = file;
    context.seed = seed;
    context.phase = phase;
    context.pass = &pass;
    layer->set_context(context);
    for (int i = 0; i < config.top_size(); ++i) tops.push_back(blobs.emplace_back(std::make_unique<Blob>()).get());
    layer->reshape({}, tops);
    for (Blob* top : tops) top->allocate();
  }

  // Runs a pass and returns the values of top `i`.
  std::vector<float> forward(bool replay = false, size_t i = 0) {
    pass.replay = replay;
    layer->forward({}, tops);
    return {tops[i]->data(), tops[i]->data() + tops[i]->count()};
  }
  std::vector<float> values(size_t i) const { return {tops[i]->data(), tops[i]->data() + tops[i]->count()}; }

  uint64_t position() const {
    LayerProgress progress;
    layer->save(progress);
    return progress.position();
  }
  void restore(uint64_t position) {
    LayerProgress progress;
    progress.set_position(position);
    layer->restore(progress);
  }
};

}  // namespace crema

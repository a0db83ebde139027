// Which layers of this process read and write which files, so that no output destroys an input or another output.
#pragma once

#include <memory>
#include <string>

namespace crema {

struct UsedFile {
  std::string path;   // without links and ".."
  std::string layer;  // the user's name
  bool written;
};

// A file counts as used for as long as this exists.
using FileUse = std::shared_ptr<const UsedFile>;

FileUse use_for_reading(const std::string& path, const std::string& layer);

// Throws Error if a layer reads the file, or if a layer of another name writes it. The train net and its test nets may
// have the same layer.
FileUse use_for_writing(const std::string& path, const std::string& layer);

}  // namespace crema

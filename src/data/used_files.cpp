#include "data/used_files.h"

#include <filesystem>
#include <mutex>
#include <vector>

#include "base/error.h"

namespace crema {
namespace {

class UsedFiles {
 public:
  FileUse add(const UsedFile& file) {
    const std::lock_guard lock(mutex_);
    std::erase_if(uses_, [](const auto& use) { return use.expired(); });
    if (file.written) check_unused(file);
    auto use = std::make_shared<const UsedFile>(file);
    uses_.push_back(use);
    return use;
  }

 private:
  void check_unused(const UsedFile& file) const {
    for (const auto& weak : uses_) {
      const FileUse other = weak.lock();
      if (!other || other->path != file.path || (other->written && other->layer == file.layer)) continue;
      throw Error("layer \"{}\" {} {}, too; name another file", other->layer, other->written ? "writes" : "reads",
                  file.path);
    }
  }

  std::mutex mutex_;
  std::vector<std::weak_ptr<const UsedFile>> uses_;
};

FileUse use(const std::string& path, const std::string& layer, bool written) {
  static UsedFiles files;
  std::error_code ignored;
  const std::filesystem::path whole =
      std::filesystem::weakly_canonical(std::filesystem::absolute(path, ignored), ignored);
  return files.add({whole.empty() ? path : whole.string(), layer, written});
}

}  // namespace

FileUse use_for_reading(const std::string& path, const std::string& layer) { return use(path, layer, false); }
FileUse use_for_writing(const std::string& path, const std::string& layer) { return use(path, layer, true); }

}  // namespace crema

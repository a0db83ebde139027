// Image files named in a list.
#include <charconv>

#include "base/error.h"
#include "base/file.h"
#include "data/image.h"
#include "data/record_source.h"

namespace crema {
namespace {

constexpr uint32_t kMaxSide = 1 << 16;
constexpr uint64_t kMaxFile = uint64_t{1} << 30;

ImageSize size_of(const ImageDataParameter& config) {
  const uint32_t height = config.new_height(), width = config.new_width();
  check((height == 0) == (width == 0), "new_height is {} and new_width is {}; give both or neither", height, width);
  check(height <= kMaxSide && width <= kMaxSide, "new_height is {} and new_width is {}; at most {}", height, width,
        kMaxSide);
  return {static_cast<int>(height), static_cast<int>(width)};
}

class ImageList final : public RecordSource {
 public:
  ImageList(const ImageDataParameter& config, const std::string& file)
      : file_(file),
        root_(config.root_folder()),
        decoding_(config.is_color() ? Decoding::color : Decoding::gray),
        size_(size_of(config)) {
    check_images_are_read();
    path_ = find_beside(config.source(), file, "list of images");
    text_ = read_file(path_);
    for (size_t begin = 0, line = 1; begin < text_.size(); ++line) {
      const size_t end = std::min(text_.find('\n', begin), text_.size());
      add(std::string_view(text_).substr(begin, end - begin), line);
      begin = end + 1;
    }
    check(!entries_.empty(), "{}: lists no images", path_);
  }

  uint64_t size() const override { return entries_.size(); }

  void read(uint64_t i, Record* record) override {
    try {
      const std::string image = find_beside(root_ + std::string(entries_[i].name), file_, "image");
      decode_image(read_file(image, kMaxFile), decoding_, record, size_);
    } catch (const Error& error) {
      throw Error("{}: {}", name(i), error.what());
    }
    record->label = entries_[i].label;
  }

  std::string name(uint64_t i) const override {
    return fmt::format("{}:{}: {}{}", path_, entries_[i].line, root_, entries_[i].name);
  }

 private:
  struct Entry {
    std::string_view name;  // within text_
    int label;
    size_t line;
  };

  // Names may hold spaces: the label is what follows the last one.
  void add(std::string_view text, size_t line) {
    const size_t end = text.find_last_not_of(" \t\r");
    if (end == std::string_view::npos) return;
    text = text.substr(0, end + 1);
    const size_t space = text.find_last_of(" \t");
    check(space != std::string_view::npos, "{}:{}: \"{}\" is no path, space and label", path_, line, text);
    const std::string_view name = text.substr(0, space), digits = text.substr(space + 1);
    int label = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), label);
    check(error == std::errc() && stop == digits.data() + digits.size(),
          "{}:{}: the label \"{}\" is not a whole number", path_, line, digits);
    entries_.push_back({name, label, line});
  }

  std::string file_, root_, path_;
  Decoding decoding_;
  ImageSize size_;
  std::string text_;
  std::vector<Entry> entries_;
};

}  // namespace

std::unique_ptr<RecordSource> open_image_list(const ImageDataParameter& config, const std::string& file) {
  return std::make_unique<ImageList>(config, file);
}

}  // namespace crema

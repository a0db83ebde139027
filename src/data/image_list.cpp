// Image files named in a list.
#include <charconv>

#include "base/error.h"
#include "base/file.h"
#include "data/image.h"
#include "data/list_lines.h"
#include "data/record_source.h"

namespace crema {
namespace {

constexpr uint32_t kMaxSide = 1 << 16;

ImageSize size_of(const ImageDataParameter& config, uint64_t max_pixels) {
  const uint32_t height = config.new_height(), width = config.new_width();
  check((height == 0) == (width == 0), "new_height is {} and new_width is {}; give both or neither", height, width);
  check(height <= kMaxSide && width <= kMaxSide, "new_height is {} and new_width is {}; at most {}", height, width,
        kMaxSide);
  check(uint64_t{height} * width <= max_pixels, "new_height is {} and new_width is {}; max_pixels is {}", height, width,
        max_pixels);
  return {static_cast<int>(height), static_cast<int>(width)};
}

class ImageList final : public RecordSource {
 public:
  ImageList(const ImageDataParameter& config, uint64_t max_pixels, const std::string& file)
      : file_(file),
        root_(config.root_folder()),
        decoding_{config.is_color() ? Channels::color : Channels::gray, max_pixels},
        size_(size_of(config, max_pixels)) {
    check_images_are_read();
    path_ = find_beside(config.source(), file, "list of images");
    text_ = read_list(path_);
    for (const ListLine& line : list_lines(text_)) add(line);
    check(!entries_.empty(), "{}: lists no images", path_);
  }

  uint64_t size() const override { return entries_.size(); }

  void read(uint64_t i, Record* record) override {
    try {
      const std::string image = find_beside(root_ + std::string(entries_[i].name), file_, "image");
      decode_image(read_image(image), decoding_, record, size_);
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
  void add(const ListLine& line) {
    const auto [text, number] = line;
    const size_t space = text.find_last_of(" \t");
    check(space != std::string_view::npos, "{}:{}: \"{}\" is no path, space and label", path_, number, text);
    const std::string_view name = without_blanks(text.substr(0, space)), digits = text.substr(space + 1);
    int label = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), label);
    check(error == std::errc() && stop == digits.data() + digits.size(),
          "{}:{}: the label \"{}\" is not a whole number", path_, number, digits);
    entries_.push_back({name, label, number});
  }

  std::string file_, root_, path_;
  Decoding decoding_;
  ImageSize size_;
  std::string text_;
  std::vector<Entry> entries_;
};

}  // namespace

std::unique_ptr<RecordSource> open_image_list(const ImageDataParameter& config, uint64_t max_pixels,
                                              const std::string& file) {
  return std::make_unique<ImageList>(config, max_pixels, file);
}

}  // namespace crema

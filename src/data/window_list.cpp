#include "data/window_list.h"

#include <charconv>
#include <cmath>
#include <string_view>

#include "base/error.h"
#include "data/list_lines.h"

namespace crema {
namespace {

// Words between white space, with the line of the last one that was read.
class Words {
 public:
  Words(const std::string& path, std::string_view text) : path_(path), text_(text) {}

  // "" at the end.
  std::string_view next() {
    while (at_ < text_.size() && is_space(text_[at_])) line_ += text_[at_++] == '\n' ? 1 : 0;
    const size_t begin = at_;
    while (at_ < text_.size() && !is_space(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  template <typename Number>
  Number number(const char* what) {
    const std::string_view word = next();
    Number number{};
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    check(error == std::errc() && stop == word.data() + word.size() && !word.empty(),
          "{}:{}: expected {}, found \"{}\"", path_, line_, what, word);
    return number;
  }

  size_t line() const { return line_; }

 private:
  static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

  const std::string& path_;
  std::string_view text_;
  size_t at_ = 0, line_ = 1;
};

void read_window(Words& words, float fg_threshold, float bg_threshold, WindowList* list) {
  ImageWindow window{};
  window.label = words.number<int>("a class");
  window.line = words.line();
  window.image = static_cast<uint32_t>(list->images.size() - 1);
  const auto overlap = words.number<float>("an overlap");
  check(std::isfinite(overlap), "{}:{}: the overlap is {}", list->path, window.line, overlap);
  for (int* corner : {&window.x1, &window.y1, &window.x2, &window.y2}) *corner = words.number<int>("a corner");
  constexpr int kLimit = 1 << 24;  // beyond every image; sums of corners stay in range
  for (const int corner : {window.x1, window.y1, window.x2, window.y2}) {
    check(corner >= -kLimit && corner <= kLimit, "{}:{}: a corner at {}; expected {} to {}", list->path, window.line,
          corner, -kLimit, kLimit);
  }
  check(window.x1 <= window.x2 && window.y1 <= window.y2, "{}:{}: the window from ({}, {}) to ({}, {}) is empty",
        list->path, window.line, window.x1, window.y1, window.x2, window.y2);
  if (overlap >= fg_threshold) {
    check(window.label > 0, "{}:{}: class {} with overlap {}; the class of foreground is positive", list->path,
          window.line, window.label, overlap);
    list->foreground.push_back(window);
  } else if (overlap < bg_threshold) {
    window.label = 0;
    list->background.push_back(window);
  }
}

}  // namespace

WindowList read_windows(const std::string& path, float fg_threshold, float bg_threshold) {
  WindowList list;
  list.path = path;
  const std::string text = read_list(path);
  Words words(path, text);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    check(word == "#", "{}:{}: expected \"#\" and the index of an image, found \"{}\"", path, words.line(), word);
    const auto index = words.number<uint32_t>("an index");
    check(index == list.images.size(), "{}:{}: image index {}; they count up from 0, so it must be {}", path,
          words.line(), index, list.images.size());
    list.images.emplace_back(words.next());
    const auto channels = words.number<int>("a number of channels");
    check(channels == 3, "{}:{}: an image of {} channels; images are read with 3", path, words.line(), channels);
    words.number<int>("a height");
    words.number<int>("a width");
    const auto windows = words.number<uint32_t>("a number of windows");
    for (uint32_t i = 0; i < windows; ++i) read_window(words, fg_threshold, bg_threshold, &list);
  }
  check(!list.images.empty(), "{}: lists no images", path);
  return list;
}

}  // namespace crema

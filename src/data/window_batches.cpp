#include "data/window_batches.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"

namespace crema {
namespace {

constexpr uint32_t kMaxSide = 1 << 14;

// If a window with its context exceeds the range of numbers, the result is still far outside of every image.
int rounded(float x) {
  constexpr float kLimit = 1 << 29;
  return static_cast<int>(std::round(std::clamp(x, -kLimit, kLimit)));
}

// Computed in float, as in Caffe; rounding may make a large batch size larger by one.
uint32_t foreground_of(const WindowDataParameter& config) {
  const double share = static_cast<float>(config.batch_size()) * config.fg_fraction();
  return static_cast<uint32_t>(std::min(share, static_cast<double>(config.batch_size())));
}

// One direction of a window: its first and last pixel with context, cut at the image's edges, and how that is scaled.
struct Span {
  int first, length;  // within the image
  int scaled;         // length when scaled
  int before, after;  // pixels beyond the image when scaled
};

Span cut(float center, float half, int image, int side) {
  const int first = rounded(center - half), last = rounded(center + half);
  const int before = std::max(0, -first), after = std::max(0, last - image + 1);
  Span span{first + before, last - after - (first + before) + 1, 0, 0, 0};
  const float scale = static_cast<float>(side) / static_cast<float>(last - first + 1);
  span.before = rounded(static_cast<float>(before) * scale);
  span.after = rounded(static_cast<float>(after) * scale);
  span.scaled = rounded(static_cast<float>(span.length) * scale);
  return span;
}

}  // namespace

WindowBatches::WindowBatches(const WindowDataParameter& config, const TransformationParameter& transform,
                             const Options& options)
    : config_(config),
      options_(options),
      mirror_(transform.mirror()),
      square_(config.crop_mode() == "square"),
      scale_(transform.scale()),
      mean_values_(transform.mean_value().begin(), transform.mean_value().end()),
      decoding_{Channels::color, decoding_of(transform).max_pixels},
      prefetcher_(config.batch_size(), options.prefetch,
                  [this](uint64_t position, Batch* batch) { prepare(position, batch); }) {
  check_settings(transform);
  check_images_are_read();
  side_ = static_cast<int>(transform.crop_size());
  pad_ = static_cast<int>(config.context_pad());
  if (transform.has_mean_file()) {
    mean_ = read_mean_file(find_beside(transform.mean_file(), options.file, "mean file"));
    check(mean_.channels == 3 && mean_.height >= side_ && mean_.width >= side_,
          "the mean is of {} x {} x {}, and windows of 3 x {} x {}", mean_.channels, mean_.height, mean_.width, side_,
          side_);
  }
  list_ = read_windows(find_beside(config.source(), options.file, "list of windows"), config.fg_threshold(),
                       config.bg_threshold());
  const uint32_t foreground = foreground_of(config);
  check(foreground == 0 || !list_.foreground.empty(),
        "{}: no window has an overlap of {} (fg_threshold) or more, and a batch takes {}", list_.path,
        config.fg_threshold(), foreground);
  check(foreground == config.batch_size() || !list_.background.empty(),
        "{}: no window has an overlap below {} (bg_threshold), and a batch takes {}", list_.path, config.bg_threshold(),
        config.batch_size() - foreground);
  if (!config.cache_images()) return;
  for (uint32_t i = 0; i < list_.images.size(); ++i) cached_.push_back(image_file(i));
}

void WindowBatches::check_settings(const TransformationParameter& transform) const {
  const uint32_t side = transform.crop_size();
  check(side > 0 && side <= kMaxSide, "crop_size is {}; it must be given and at most {}", side, kMaxSide);
  check(config_.crop_mode() == "warp" || square_, "crop_mode is \"{}\"; it is \"warp\" or \"square\"",
        config_.crop_mode());
  check(config_.fg_fraction() >= 0 && config_.fg_fraction() <= 1, "fg_fraction is {}; it must lie between 0 and 1",
        config_.fg_fraction());
  check(config_.context_pad() < (side + 1) / 2, "context_pad {} leaves nothing of crop_size {}", config_.context_pad(),
        side);
  check(!transform.has_mean_file() || mean_values_.empty(),
        "mean_file and mean_value are both given; one of them at most");
  check(mean_values_.size() <= 1 || mean_values_.size() == 3, "mean_value is given {} times for 3 channels; once, or 3",
        mean_values_.size());
}

long WindowBatches::memory() const {
  const auto batch = static_cast<long>(config_.batch_size() * sizeof(float)) * (3L * side_ * side_ + 1);
  return static_cast<long>(prefetcher_.depth() + 1) * batch;
}

const Batch& WindowBatches::get(uint64_t position) {
  if (!has_batch_ || position != position_) {
    has_batch_ = false;
    prefetcher_.get(position, &batch_);
    has_batch_ = true;
    position_ = position;
  }
  return batch_;
}

// Runs on the prefetcher's thread. Only this thread uses image_ and scaled_.
void WindowBatches::prepare(uint64_t position, Batch* batch) {
  const size_t n = config_.batch_size(), count = size_t{3} * static_cast<size_t>(side_) * static_cast<size_t>(side_);
  const size_t background = n - foreground_of(config_);
  batch->data.assign(n * count, 0);
  batch->labels.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const Random random(options_.seed, "window", options_.name, position + i);
    const std::vector<ImageWindow>& windows = i < background ? list_.background : list_.foreground;
    const auto drawn = static_cast<size_t>(random.uniform(0) * static_cast<double>(windows.size()));
    const bool mirrored = mirror_ && random.uniform(1) >= 0.5;
    const ImageWindow& window = windows[drawn];
    try {
      draw(window, mirrored, batch->data.data() + i * count);
    } catch (const Error& error) {
      throw Error("{}:{}: {}{}: {}", list_.path, window.line, config_.root_folder(), list_.images[window.image],
                  error.what());
    }
    batch->labels[i] = static_cast<float>(window.label);
  }
}

std::string WindowBatches::image_file(uint32_t image) const {
  return read_image(find_beside(config_.root_folder() + list_.images[image], options_.file, "image"));
}

WindowBatches::Placed WindowBatches::place(const ImageWindow& window) const {
  const bool alone = pad_ == 0 && !square_;
  const int width = window.x2 - window.x1 + 1, height = window.y2 - window.y1 + 1;
  if (alone) {
    check(window.x1 >= 0 && window.y1 >= 0 && window.x2 < image_.width && window.y2 < image_.height,
          "the window from ({}, {}) to ({}, {}) is not within the image of {} x {} (height x width)", window.x1,
          window.y1, window.x2, window.y2, image_.height, image_.width);
    return {{window.x1, window.y1, width, height}, {side_, side_}};
  }
  float half_width = static_cast<float>(width) / 2, half_height = static_cast<float>(height) / 2;
  const float center_x = static_cast<float>(window.x1) + half_width;
  const float center_y = static_cast<float>(window.y1) + half_height;
  if (square_) half_width = half_height = std::max(half_width, half_height);
  const float context = static_cast<float>(side_) / static_cast<float>(side_ - 2 * pad_);
  const Span x = cut(center_x, half_width * context, image_.width, side_);
  const Span y = cut(center_y, half_height * context, image_.height, side_);
  check(x.length > 0 && y.length > 0,
        "the window from ({}, {}) to ({}, {}) is outside of the image of {} x {} (height x width)", window.x1,
        window.y1, window.x2, window.y2, image_.height, image_.width);
  return {{x.first, y.first, x.length, y.length}, {y.scaled, x.scaled}, y.before, x.before, x.after};
}

void WindowBatches::draw(const ImageWindow& window, bool mirror, float* y) {
  decode_image(cached_.empty() ? image_file(window.image) : cached_[window.image], decoding_, &image_);
  const Placed placed = place(window);
  const int left = mirror ? placed.right : placed.left;
  // Rounding may make the part a pixel too large.
  const int height = std::min(placed.size.height, side_ - placed.top);
  const int width = std::min(placed.size.width, side_ - left);
  if (height <= 0 || width <= 0) return;
  scale_part(image_, placed.part, {height, width}, &scaled_);
  const auto* x = reinterpret_cast<const unsigned char*>(scaled_.bytes.data());
  for (int c = 0; c < 3; ++c) {
    for (int h = 0; h < height; ++h) {
      const unsigned char* row = x + (static_cast<long>(c) * height + h) * width;
      float* to = y + (static_cast<long>(c) * side_ + placed.top + h) * side_ + left;
      for (int w = 0; w < width; ++w) {
        const float mean = mean_at(c, placed.top + h, left + w);
        to[w] = (static_cast<float>(row[mirror ? width - 1 - w : w]) - mean) * scale_;
      }
    }
  }
}

float WindowBatches::mean_at(int channel, int row, int column) const {
  if (!mean_values_.empty()) return mean_values_[mean_values_.size() == 1 ? 0 : static_cast<size_t>(channel)];
  if (mean_.values.empty()) return 0;
  // The middle of the mean.
  const long h = (mean_.height - side_) / 2 + row, w = (mean_.width - side_) / 2 + column;
  return mean_.values[static_cast<size_t>((channel * static_cast<long>(mean_.height) + h) * mean_.width + w)];
}

}  // namespace crema

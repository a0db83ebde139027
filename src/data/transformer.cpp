#include "data/transformer.h"

#include <algorithm>
#include <climits>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "data/blob_values.h"

namespace crema {
namespace {

constexpr uint32_t kMaxCrop = 1 << 20;

// C, H, W of a mean. It has three axes, or four with one image; in the old form it has four fields.
std::vector<long> mean_dims(const BlobProto& mean) {
  std::vector<long> dims{mean.num(), mean.channels(), mean.height(), mean.width()};
  if (mean.has_shape()) dims.assign(mean.shape().dim().begin(), mean.shape().dim().end());
  if (dims.size() == 4 && dims[0] == 1) dims.erase(dims.begin());
  check(dims.size() == 3, "has the shape {}, not that of one image (C x H x W)", fmt::join(dims, " x "));
  check(std::all_of(dims.begin(), dims.end(), [](long dim) { return dim > 0 && dim <= INT_MAX; }), "has the shape {}",
        fmt::join(dims, " x "));
  return dims;
}

}  // namespace

MeanImage read_mean_file(const std::string& path) {
  check_regular(path);
  BlobProto proto;
  check(proto.ParseFromString(read_file(path)), "mean file {}: is not a BlobProto (.binaryproto)", path);
  MeanImage mean;
  try {
    mean.values.resize(static_cast<size_t>(value_count(proto)));
    copy_values(proto, mean.values.data());
    const Shape shape(mean_dims(proto));
    check(shape.count() == static_cast<long>(mean.values.size()), "has the shape {} and {} values",
          fmt::join(shape.dims(), " x "), mean.values.size());
    mean.channels = static_cast<int>(shape[0]);
    mean.height = static_cast<int>(shape[1]);
    mean.width = static_cast<int>(shape[2]);
  } catch (const Error& error) {
    throw Error("mean file {}: {}", path, error.what());
  }
  return mean;
}

Transformer::Transformer(const TransformationParameter& config, const Options& options)
    : options_(options),
      mirror_(config.mirror()),
      scale_(config.scale()),
      mean_values_(config.mean_value().begin(), config.mean_value().end()) {
  check(config.crop_size() <= kMaxCrop, "crop_size is {}; at most {}", config.crop_size(), kMaxCrop);
  crop_ = static_cast<int>(config.crop_size());
  check(!config.has_mean_file() || mean_values_.empty(),
        "mean_file and mean_value are both given; one of them at most");
  if (config.has_mean_file()) mean_ = read_mean_file(find_beside(config.mean_file(), options.file, "mean file"));
}

Shape Transformer::shape(const Record& record) const {
  const int c = record.channels, h = record.height, w = record.width;
  check(crop_ <= h && crop_ <= w, "crop_size {} is larger than the image of {} x {} x {}", crop_, c, h, w);
  check(mean_values_.size() <= 1 || mean_values_.size() == static_cast<size_t>(c),
        "mean_value is given {} times for {} channels; once, or once a channel", mean_values_.size(), c);
  check(mean_.values.empty() || (c == mean_.channels && h == mean_.height && w == mean_.width),
        "the mean is of {} x {} x {}, and the image of {} x {} x {}", mean_.channels, mean_.height, mean_.width, c, h,
        w);
  return crop_ == 0 ? Shape{c, h, w} : Shape{c, crop_, crop_};
}

Transformer::Window Transformer::window(const Record& record, uint64_t position) const {
  const Random random(options_.seed, "augment", options_.name, position);
  const auto below = [&](int n, uint64_t element) { return static_cast<int>(random.uniform(element) * n); };
  Window window{0, 0, record.height, record.width, mirror_ && below(2, 2) == 1};
  if (crop_ == 0) return window;
  const int rows = record.height - crop_, columns = record.width - crop_;
  window.top = options_.phase == TRAIN ? below(rows + 1, 0) : rows / 2;
  window.left = options_.phase == TRAIN ? below(columns + 1, 1) : columns / 2;
  window.height = window.width = crop_;
  return window;
}

template <typename T>
void Transformer::transform(const T* x, const Record& record, const Window& window, float* y) const {
  for (int c = 0; c < record.channels; ++c) {
    const float value = mean_values_.empty() ? 0 : mean_values_[mean_values_.size() == 1 ? 0 : static_cast<size_t>(c)];
    for (int h = 0; h < window.height; ++h, y += window.width) {
      const long at = (static_cast<long>(c) * record.height + window.top + h) * record.width + window.left;
      if (mean_.values.empty()) {
        for (int w = 0; w < window.width; ++w) y[w] = (static_cast<float>(x[at + w]) - value) * scale_;
      } else {
        const float* mean = mean_.values.data() + at;
        for (int w = 0; w < window.width; ++w) y[w] = (static_cast<float>(x[at + w]) - mean[w]) * scale_;
      }
      if (window.mirror) std::reverse(y, y + window.width);
    }
  }
}

void Transformer::transform(const Record& record, uint64_t position, float* y) const {
  const Window place = window(record, position);
  if (record.floats.empty()) {
    transform(reinterpret_cast<const unsigned char*>(record.bytes.data()), record, place, y);
  } else {
    transform(record.floats.data(), record, place, y);
  }
}

Decoding decoding_of(const TransformationParameter& config) {
  check(!config.force_color() || !config.force_gray(), "force_color and force_gray are both set; one of them at most");
  check(config.max_pixels() > 0, "max_pixels is 0; it must be positive");
  return {config.force_color()  ? Channels::color
          : config.force_gray() ? Channels::gray
                                : Channels::as_stored,
          config.max_pixels()};
}

}  // namespace crema

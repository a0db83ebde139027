#include "examples.h"

#include <algorithm>
#include <cmath>

#include "core/weights.h"

namespace crema {
namespace {

struct Names {
  std::string data, scores, labels;
};

// The layer that compares scores with labels. An Accuracy layer is preferred, since a loss may have other bottoms.
const LayerParameter* comparing_layer(const NetParameter& net) {
  const LayerParameter* loss = nullptr;
  for (const LayerParameter& layer : net.layer()) {
    if (layer.bottom_size() < 2) continue;
    if (layer.type() == "Accuracy") return &layer;
    if (layer.type().ends_with("Loss")) loss = &layer;
  }
  return loss;
}

Names find_names(const NetConfig& config) {
  const auto& layers = config.net.layer();
  const auto data = std::find_if(layers.begin(), layers.end(), [](const LayerParameter& layer) {
    return layer.bottom_size() == 0 && layer.top_size() > 0;
  });
  check(data != layers.end(), "{}: the net has no layer that brings data", config.source.at());
  const LayerParameter* compares = comparing_layer(config.net);
  check(compares != nullptr, "{}: the net has no Accuracy or loss layer that compares scores with labels",
        config.source.at());
  return {data->top(0), compares->bottom(0), compares->bottom(1)};
}

// Maps the smallest value to 0 and the largest to 255, linearly.
std::vector<unsigned char> stretched(const real* values, long count) {
  const auto [low, high] = std::minmax_element(values, values + count);
  const double from = *low, range = std::max(1e-30, static_cast<double>(*high) - from);
  std::vector<unsigned char> pixels;
  for (long i = 0; i < count; ++i) {
    const double share = (static_cast<double>(values[i]) - from) / range;
    pixels.push_back(std::isfinite(share) ? static_cast<unsigned char>(std::lround(255 * share)) : 0);
  }
  return pixels;
}

void take_batch(const Net& net, const Names& names, size_t count, std::vector<Example>* examples) {
  const Blob &data = net.value(names.data), &scores = net.value(names.scores), &labels = net.value(names.labels);
  check(data.axes() == 4 && (data.dim(1) == 1 || data.dim(1) == 3) && data.count() > 0,
        "blob \"{}\" has shape {}; images are N x 1 x H x W or N x 3 x H x W", names.data, data.shape().str());
  const long n = data.dim(0), size = data.count() / n;
  check(scores.axes() >= 2 && scores.dim(0) == n && scores.count() > 0 && labels.count() == n,
        "blobs \"{}\" ({}) and \"{}\" ({}) are no scores and labels of {} images", names.scores, scores.shape().str(),
        names.labels, labels.shape().str(), n);
  const long classes = scores.count() / n;
  for (long i = 0; i < n && examples->size() < count; ++i) {
    const real* s = scores.data() + i * classes;
    examples->push_back({data.dim(1), data.dim(2), data.dim(3), stretched(data.data() + i * size, size),
                         std::max_element(s, s + classes) - s, std::lround(labels.data()[i])});
  }
}

std::string caption(const Example& example) {
  return fmt::format("predicted {}, label {}{}", example.predicted, example.label, example.right() ? "" : " (wrong)");
}

// A character is about twice as high as it is wide; large images are shrunk to `columns`.
std::vector<std::string> drawing(const Example& e, long columns) {
  static constexpr std::string_view kShades = " .:-=+*#%@";
  const long cell_width = (e.width + columns - 1) / columns, cell_height = 2 * cell_width;
  std::vector<std::string> lines;
  for (long top = 0; top < e.height; top += cell_height) {
    std::string& line = lines.emplace_back();
    for (long left = 0; left < e.width; left += cell_width) {
      long sum = 0, pixels = 0;
      for (long c = 0; c < e.channels; ++c) {
        for (long y = top; y < std::min(e.height, top + cell_height); ++y) {
          for (long x = left; x < std::min(e.width, left + cell_width); ++x, ++pixels) {
            sum += e.pixels[(c * e.height + y) * e.width + x];
          }
        }
      }
      line += kShades[sum * static_cast<long>(kShades.size()) / (256 * pixels)];
    }
  }
  lines.push_back(caption(e));
  return lines;
}

}  // namespace

std::vector<Example> look(NetConfig config, NetOptions options, const std::string& weights, int count) {
  const Names names = find_names(config);
  options.keep = {names.data, names.scores, names.labels};
  options.backward = false;
  Net net(std::move(config), options);
  load_weights(weights, &net);
  std::vector<Example> examples;
  while (examples.size() < static_cast<size_t>(count)) {
    net.forward();
    take_batch(net, names, static_cast<size_t>(count), &examples);
  }
  return examples;
}

std::string as_text(const std::vector<Example>& examples, int columns) {
  constexpr size_t kWidth = 36, kGap = 2;
  const size_t side_by_side = std::max<size_t>(1, (static_cast<size_t>(columns) + kGap) / (kWidth + kGap));
  std::string text;
  for (size_t first = 0; first < examples.size(); first += side_by_side) {
    std::vector<std::string> lines;
    for (size_t i = first; i < std::min(examples.size(), first + side_by_side); ++i) {
      const auto drawn = drawing(examples[i], kWidth);
      if (lines.size() < drawn.size()) lines.resize(drawn.size());
      for (size_t k = 0; k < drawn.size(); ++k) {
        if (i > first) lines[k].resize((i - first) * (kWidth + kGap), ' ');
        lines[k] += drawn[k];
      }
    }
    for (const std::string& line : lines) text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace crema

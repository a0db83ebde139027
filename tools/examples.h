// Images with a net's predictions, for people to look at.
#pragma once

#include <string>
#include <vector>

#include "core/net.h"

namespace crema {

struct Example {
  long channels, height, width;       // channels: 1, or 3 in the order blue, green, red
  std::vector<unsigned char> pixels;  // channel by channel, the image's darkest value at 0, its lightest at 255
  long predicted, label;

  bool right() const { return predicted == label; }
};

// The first `count` images that a net's data layer reads, with the net's predictions. The net has an Accuracy layer or
// a loss layer that compares scores, a number for each class, with labels. Throws Error if it has no such layer, or if
// its data are not images.
std::vector<Example> look(NetConfig config, NetOptions options, const std::string& weights, int count);

// All examples as characters, as many side by side as `columns` take, with their captions.
std::string as_text(const std::vector<Example>& examples, int columns);

// The same as a PNG file's bytes; captions of wrong ones are red. Throws Error in a build without OpenCV.
std::string as_png(const std::vector<Example>& examples);

}  // namespace crema

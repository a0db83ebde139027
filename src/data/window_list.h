// The windows of images that detectors are trained on: R-CNN's text format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crema {

// A part of an image, corners included, and its class; 0 is the background.
struct ImageWindow {
  uint32_t image;  // in WindowList::images
  int label;
  int x1, y1, x2, y2;
  size_t line;  // of the list
};

struct WindowList {
  std::string path;
  std::vector<std::string> images;  // as the list names them
  std::vector<ImageWindow> foreground, background;
};

// Reads "# INDEX", the image's path, its channels, height and width, the number of its windows, and for each of them
// "CLASS OVERLAP X1 Y1 X2 Y2", again and again. A window whose overlap is fg_threshold or more is foreground; one below
// bg_threshold is background, of class 0; the others are left out. Throws Error, with the line, for anything else.
WindowList read_windows(const std::string& path, float fg_threshold, float bg_threshold);

}  // namespace crema

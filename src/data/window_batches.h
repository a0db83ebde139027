// Batches of windows: background first, then foreground, each drawn at random, scaled to one size.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/image.h"
#include "data/prefetcher.h"
#include "data/transformer.h"
#include "data/window_list.h"

namespace crema {

// Which windows are drawn for the batch at a position, and whether they are mirrored, is a function of the seed and the
// layer's name alone. Each is cut out with context_pad pixels of surroundings (counted after scaling), scaled to
// crop_size x crop_size, and becomes (x - mean) * scale; what lies beyond the image is 0. Caffe's rules.
class WindowBatches {
 public:
  struct Options {
    uint32_t prefetch = 0;  // batches read ahead
    uint64_t seed = 0;
    std::string name;  // the layer's
    std::string file;  // text that names the list: where relative paths are looked up second
  };

  // Throws Error for a faulty configuration or list, and where a batch takes windows of a kind that the list lacks.
  WindowBatches(const WindowDataParameter& config, const TransformationParameter& transform, const Options& options);

  int side() const { return side_; }

  // The batch that is consumed after `position` others, valid until the next call. Throws Error with the list and the
  // window's line in front.
  const Batch& get(uint64_t position);

  // Bytes of the batches that are held: the last one, and those read ahead.
  long memory() const;

 private:
  // A window with its surroundings as far as they lie within the image, and where they go.
  struct Placed {
    ImagePart part;
    ImageSize size;
    int top = 0, left = 0, right = 0;  // rows above and columns beside it that lie beyond the image
  };

  void check_settings(const TransformationParameter& transform) const;
  void prepare(uint64_t position, Batch* batch);
  void draw(const ImageWindow& window, bool mirror, float* y);
  Placed place(const ImageWindow& window) const;
  std::string image_file(uint32_t image) const;
  float mean_at(int channel, int row, int column) const;

  WindowDataParameter config_;
  Options options_;
  int side_ = 0, pad_ = 0;
  bool mirror_, square_;
  float scale_;
  std::vector<float> mean_values_;
  Decoding decoding_;
  MeanImage mean_;
  WindowList list_;
  std::vector<std::string> cached_;  // the image files, where they are kept
  Record image_, scaled_;

  Batch batch_;  // the last one, for passes that repeat it
  bool has_batch_ = false;
  uint64_t position_ = 0;  // of batch_

  Prefetcher prefetcher_;  // declared last: its thread must end before the members that it uses
};

}  // namespace crema

// Turns a record into the values that a net reads: cut, flipped, with the mean subtracted, scaled.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crema.pb.h"
#include "data/record_source.h"
#include "math/shape.h"

namespace crema {

// An image to subtract; no values where there is none.
struct MeanImage {
  int channels = 0, height = 0, width = 0;
  std::vector<float> values;
};

// Reads a BlobProto (.binaryproto). Throws Error, with the path, if the file is not a BlobProto or does not hold
// exactly one image.
MeanImage read_mean_file(const std::string& path);

// y = (x - mean) * scale over a square of crop_size (all of the record where that is 0), at a random place in TRAIN and
// in the centre in TEST, and flipped left and right at random with `mirror` in either phase: Caffe's rules. The mean is
// an image of the record's size before it is cut, or a value for each channel, or one for all.
class Transformer {
 public:
  struct Options {
    Phase phase = TRAIN;
    uint64_t seed = 0;
    std::string name;  // the layer's. What is random is a function of seed, name and the record's position.
    std::string file;  // text that names mean_file: where a relative path is looked up second
  };

  // Throws Error for contradictions in `config` and for a mean file that is not one.
  Transformer(const TransformationParameter& config, const Options& options);

  // C x H x W of a record when transformed. Throws Error if it is too small to cut, or does not fit the mean.
  Shape shape(const Record& record) const;

  // Writes the shape(record).count() values of the record that is consumed after `position` others.
  void transform(const Record& record, uint64_t position, float* y) const;

 private:
  struct Window {
    int top, left, height, width;
    bool mirror;
  };
  Window window(const Record& record, uint64_t position) const;
  template <typename T>
  void transform(const T* x, const Record& record, const Window& window, float* y) const;

  Options options_;
  int crop_;
  bool mirror_;
  float scale_;
  std::vector<float> mean_values_;  // empty, one, or one a channel
  MeanImage mean_;
};

// How transform_param wants image files decoded.
Decoding decoding_of(const TransformationParameter& config);

}  // namespace crema

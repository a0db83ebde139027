// HDF5Output:  writes the batch into an HDF5 file, as its data sets "data" and "label", in each forward pass anew.
// bottom[0]: data (N, ...).  bottom[1]: labels (N, ...).  The data sets have those shapes, with 1 on further axes up to
// four.  No tops, no parameters, no backward.  The file is written whole or not at all; a pass that is repeated
// writes nothing.  Rejects bottoms of different N, a file that is there and that no such layer has written, and one
// that another layer reads or writes.
#include <filesystem>

#include "base/file.h"
#include "core/layer.h"
#include "data/hdf5_file.h"
#include "data/used_files.h"

namespace crema {
namespace {

// Scripts written for Caffe's files expect four axes.
Shape stored_shape(const Shape& shape) {
  std::vector<long> dims = shape.dims();
  if (dims.size() < 4) dims.resize(4, 1);
  return Shape(dims);
}

Hdf5Array stored(const char* name, const Blob& blob) {
  return {name, stored_shape(blob.shape()), {blob.data(), blob.data() + blob.count()}};
}

// Refuses a file that another program may have written.
void check_may_be_replaced(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const bool holds_something = fs::is_regular_file(path, ignored) && fs::file_size(path, ignored) > 0;
  check(!holds_something || is_hdf5_of_crema(path),
        "file_name: {} exists and was not written by an HDF5Output layer: it is left as it is; move it away, or name "
        "another file",
        path);
}

class Hdf5Output final : public Layer {
 public:
  explicit Hdf5Output(const LayerParameter& config) : file_(config.hdf5_output_param().file_name()) {
    check(!file_.empty(), "file_name is not given");
  }

  Contract contract() const override { return Contract().bottoms(2).tops(0).no_backward(); }

  void reshape(const Bottoms& bottom, const Tops&) override {
    const Shape &data = bottom[0]->shape(), &label = bottom[1]->shape();
    check(data.axes() > 0 && label.axes() > 0 && data[0] == label[0],
          "bottoms must have as many records (axis 0); they are {} and {}", data.str(), label.str());
    if (use_ == nullptr) use_ = use_for_writing(file_, name());
  }

  void forward(const Bottoms& bottom, const Tops&) override {
    if (pass().replay) return;
    if (!checked_) check_may_be_replaced(file_);
    checked_ = true;
    write_file(file_, hdf5_bytes({stored("data", *bottom[0]), stored("label", *bottom[1])}));
  }

  void backward(const Tops&, const PropagateDown&, const Bottoms&) override {}

 private:
  std::string file_;
  FileUse use_;
  bool checked_ = false;  // whether an older file at file_ has been checked
};

const RegisterLayer<Hdf5Output> registered("HDF5Output", "hdf5_output_param");

}  // namespace
}  // namespace crema

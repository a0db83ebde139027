// ImageData: batches of the image files that a list names, wrapping around at the end.
// No bottoms.  top[0] data: (N, C, H, W), as new_height, new_width and transform_param leave an image; C is 3 (blue,
// green, red), or 1 without is_color.  top[1] label, if named: (N).  The list has a path, blanks and a whole number on
// each line.  Rejects images that do not have the first one's shape after they are scaled and cut to crop_size.
#include <memory>

#include "core/layer.h"
#include "data/batch_position.h"
#include "data/record_batches.h"
#include "math/loops.h"

namespace crema {
namespace {

class ImageData final : public Layer {
 public:
  explicit ImageData(const LayerParameter& config)
      : images_(config.image_data_param()),
        transform_(config.transform_param()),
        labels_(config.top_size() > 1),
        position_(images_.batch_size()) {
    check(images_.batch_size() > 0, "batch_size is 0; it must be positive");
    check(images_.has_source(), "source is not given");
    check(!transform_.force_color() && !transform_.force_gray(),
          "transform_param has {}; is_color decides how images are decoded",
          transform_.force_color() ? "force_color" : "force_gray");
  }

  Contract contract() const override { return Contract().bottoms(0).tops(1, 2).no_backward(); }

  void reshape(const Bottoms&, const Tops& top) override {
    if (!batches_) open();
    const long n = images_.batch_size();
    const Shape& image = batches_->shape();
    top[0]->reshape({n, image[0], image[1], image[2]});
    if (labels_) top[1]->reshape({n});
  }

  OwnMemory own_memory(bool) const override { return {batches_->memory(), 0}; }

  void forward(const Bottoms&, const Tops& top) override {
    const Batch& batch = batches_->get(position_.begin(pass().replay));
    position_.advance(pass().replay);
    copy(batch.data, top[0]);
    if (labels_) copy(batch.labels, top[1]);
  }

  void backward(const Tops&, const PropagateDown&, const Bottoms&) override {}

  void save(LayerProgress& progress) const override { progress.set_position(position_.consumed()); }
  void restore(const LayerProgress& progress) override { position_.restore(progress.position()); }

 private:
  void open() {
    const Sampler::Options order{seed(), name(), images_.shuffle(), images_.rand_skip()};
    const uint32_t prefetch = DataParameter::default_instance().prefetch();
    batches_ = std::make_unique<RecordBatches>(
        open_image_list(images_, decoding_of(transform_).max_pixels, file()), transform_,
        RecordBatches::Options{images_.batch_size(), prefetch, 0, order, phase(), file()});
  }

  static void copy(const std::vector<float>& from, Blob* to) {
    for_elements(to->count(), 1, [x = from.data(), y = to->mutable_data()](long i) { y[i] = x[i]; });
  }

  ImageDataParameter images_;
  TransformationParameter transform_;
  bool labels_;
  BatchPosition position_;
  std::unique_ptr<RecordBatches> batches_;
};

const RegisterLayer<ImageData> registered("ImageData", "image_data_param", "transform_param");

}  // namespace
}  // namespace crema

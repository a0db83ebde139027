// WindowData: batches of windows of images, background and then foreground, drawn at random with replacement.
// No bottoms.  top[0] data: (N, 3, crop_size, crop_size), as transform_param says.  top[1] label, if named: (N), the
// windows' classes, 0 for background.  The last fg_fraction of a batch is foreground.
// Rejects windows that lie outside of their image, and lists without one of the kinds that a batch takes.
// Girshick et al., 2014, arXiv:1311.2524.
#include <memory>

#include "core/layer.h"
#include "data/batch_position.h"
#include "data/window_batches.h"
#include "math/loops.h"

namespace crema {
namespace {

class WindowData final : public Layer {
 public:
  explicit WindowData(const LayerParameter& config)
      : windows_(config.window_data_param()),
        transform_(config.transform_param()),
        labels_(config.top_size() > 1),
        position_(windows_.batch_size()) {
    check(windows_.batch_size() > 0, "batch_size is {}; it must be given and positive", windows_.batch_size());
    check(windows_.has_source(), "source is not given");
    check(!transform_.force_color() && !transform_.force_gray(),
          "transform_param has {}; windows are read with three channels",
          transform_.force_color() ? "force_color" : "force_gray");
  }

  Contract contract() const override { return Contract().bottoms(0).tops(1, 2).no_backward(); }

  void reshape(const Bottoms&, const Tops& top) override {
    if (!batches_) {
      const uint32_t prefetch = DataParameter::default_instance().prefetch();
      batches_ = std::make_unique<WindowBatches>(windows_, transform_,
                                                 WindowBatches::Options{prefetch, seed(), name(), file()});
    }
    const long n = windows_.batch_size(), side = batches_->side();
    top[0]->reshape({n, 3, side, side});
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
  static void copy(const std::vector<float>& from, Blob* to) {
    for_elements(to->count(), 1, [x = from.data(), y = to->mutable_data()](long i) { y[i] = x[i]; });
  }

  WindowDataParameter windows_;
  TransformationParameter transform_;
  bool labels_;
  BatchPosition position_;
  std::unique_ptr<WindowBatches> batches_;
};

const RegisterLayer<WindowData> registered("WindowData", "window_data_param", "transform_param");

}  // namespace
}  // namespace crema

// Data: batches of records from a database or from files in the format of MNIST, wrapping around at the end.
// No bottoms.  top[0] data: (N, C, H, W), as transform_param leaves a record.  top[1] label, if named: (N).
// Rejects records that do not have the first one's shape after they are cut to crop_size.
#include <memory>

#include "base/log.h"
#include "core/layer.h"
#include "data/batch_position.h"
#include "data/record_batches.h"
#include "math/loops.h"

namespace crema {
namespace {

constexpr uint32_t kMaxPrefetch = 1024;

class Data final : public Layer {
 public:
  explicit Data(const LayerParameter& config)
      : data_(config.data_param()),
        transform_(config.transform_param()),
        labels_(config.top_size() > 1),
        decoding_(decoding_of(transform_)),
        position_(data_.batch_size()) {
    check(data_.batch_size() > 0, "batch_size is {}; it must be given and positive", data_.batch_size());
    check(data_.has_source(), "source is not given");
    check(data_.prefetch() <= kMaxPrefetch, "prefetch is {}; at most {}", data_.prefetch(), kMaxPrefetch);
    check(!data_.force_encoded_color() || !transform_.force_gray(), "force_encoded_color and force_gray are both set");
    if (data_.force_encoded_color()) decoding_.channels = Channels::color;
  }

  Contract contract() const override { return Contract().bottoms(0).tops(1, 2).no_backward(); }

  void reshape(const Bottoms&, const Tops& top) override {
    if (!batches_) open();
    const long n = data_.batch_size();
    const Shape& record = batches_->shape();
    top[0]->reshape({n, record[0], record[1], record[2]});
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
    const Sampler::Options order{seed(), name(), data_.shuffle(), data_.rand_skip()};
    batches_ = std::make_unique<RecordBatches>(
        open_records(data_, {file(), decoding_, labels_}), transform_,
        RecordBatches::Options{data_.batch_size(), data_.prefetch(), data_.first_records(), order, phase(), file()});
    if (decoding_.channels != Channels::as_stored && !batches_->decodes()) {
      CREMA_WARN("layer \"{}\": the records are no image files: force_color and force_gray have no effect", name());
    }
  }

  static void copy(const std::vector<float>& from, Blob* to) {
    for_elements(to->count(), 1, [x = from.data(), y = to->mutable_data()](long i) { y[i] = x[i]; });
  }

  DataParameter data_;
  TransformationParameter transform_;
  bool labels_;
  Decoding decoding_;

  BatchPosition position_;
  std::unique_ptr<RecordBatches> batches_;
};

const RegisterLayer<Data> registered("Data", "data_param", "transform_param");

}  // namespace
}  // namespace crema

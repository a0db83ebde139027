// Data: batches of records from a database or from files in the format of MNIST, wrapping around at the end.
// No bottoms.  top[0] data: (N, C, H, W), as transform_param leaves a record.  top[1] label, if named: (N).
// Rejects records that do not have the first one's shape after they are cut to crop_size.
#include <algorithm>
#include <memory>

#include "base/log.h"
#include "base/parallel.h"
#include "core/layer.h"
#include "data/batch_position.h"
#include "data/prefetcher.h"
#include "data/record_source.h"
#include "data/sampler.h"
#include "data/transformer.h"

namespace crema {
namespace {

constexpr uint32_t kMaxPrefetch = 1024;

class Data final : public Layer {
 public:
  explicit Data(const LayerParameter& config)
      : data_(config.data_param()),
        transform_(config.transform_param()),
        labels_(config.top_size() > 1),
        decoding_(data_.force_encoded_color() ? Decoding::color : decoding_of(transform_)),
        position_(data_.batch_size()) {
    check(data_.batch_size() > 0, "batch_size is {}; it must be given and positive", data_.batch_size());
    check(data_.has_source(), "source is not given");
    check(data_.prefetch() <= kMaxPrefetch, "prefetch is {}; at most {}", data_.prefetch(), kMaxPrefetch);
    check(!data_.force_encoded_color() || !transform_.force_gray(), "force_encoded_color and force_gray are both set");
  }

  Contract contract() const override { return Contract().bottoms(0).tops(1, 2).no_backward(); }

  void reshape(const Bottoms&, const Tops& top) override {
    if (!prefetcher_) open();
    const long n = data_.batch_size();
    top[0]->reshape({n, shape_[0], shape_[1], shape_[2]});
    if (labels_) top[1]->reshape({n});
  }

  void forward(const Bottoms&, const Tops& top) override {
    const bool replay = pass().replay;
    const uint64_t begin = position_.begin(replay);
    if (!has_batch_ || begin != batch_begin_) {
      has_batch_ = false;
      prefetcher_->get(begin, &batch_);
      has_batch_ = true;
      batch_begin_ = begin;
    }
    position_.advance(replay);
    copy(batch_.data, top[0]);
    if (labels_) copy(batch_.labels, top[1]);
  }

  void backward(const Tops&, const PropagateDown&, const Bottoms&) override {}

  void save(LayerProgress& progress) const override { progress.set_position(position_.consumed()); }
  void restore(const LayerProgress& progress) override { position_.restore(progress.position()); }

 private:
  void open() {
    source_ = open_records(data_, {file(), decoding_, labels_});
    const uint64_t records =
        data_.first_records() > 0 ? std::min(data_.first_records(), source_->size()) : source_->size();
    sampler_ = std::make_unique<Sampler>(records, Sampler::Options{seed(), name(), data_.shuffle(), data_.rand_skip()});
    transformer_ =
        std::make_unique<Transformer>(transform_, Transformer::Options{pass().phase, seed(), name(), file()});
    source_->read(0, &record_);
    shape_ = transformer_->shape(record_);
    if (decoding_ != Decoding::as_stored && !record_.decoded) {
      CREMA_WARN("layer \"{}\": the records are no image files: force_color and force_gray have no effect", name());
    }
    prefetcher_ = std::make_unique<Prefetcher>(data_.batch_size(), data_.prefetch(),
                                               [this](uint64_t begin, Batch* batch) { prepare(begin, batch); });
  }

  // On the prefetcher's thread, which alone uses the source, the sampler and record_ from open() on.
  void prepare(uint64_t begin, Batch* batch) {
    const size_t n = data_.batch_size(), count = static_cast<size_t>(shape_.count());
    batch->data.resize(n * count);
    batch->labels.resize(n);
    for (size_t i = 0; i < n; ++i) {
      const uint64_t record = sampler_->record(begin + i);
      source_->read(record, &record_);
      check_shape(record);
      transformer_->transform(record_, begin + i, batch->data.data() + i * count);
      batch->labels[i] = static_cast<float>(record_.label);
    }
  }

  void check_shape(uint64_t record) const {
    try {
      const Shape shape = transformer_->shape(record_);
      check(shape == shape_, "its shape is {}, that of record 0 is {}", shape.str(), shape_.str());
    } catch (const Error& error) {
      throw Error("{}: {}", source_->name(record), error.what());
    }
  }

  static void copy(const std::vector<float>& from, Blob* to) {
    real* y = to->mutable_data();
    parallel_for(to->count(), 1, [&](long begin, long end) { std::copy(&from[0] + begin, &from[0] + end, y + begin); });
  }

  DataParameter data_;
  TransformationParameter transform_;
  bool labels_;
  Decoding decoding_;

  BatchPosition position_;
  Batch batch_;  // the last one, for passes that repeat it
  bool has_batch_ = false;
  uint64_t batch_begin_ = 0;

  std::unique_ptr<RecordSource> source_;
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<Transformer> transformer_;
  Record record_;
  Shape shape_;                             // of a record when transformed
  std::unique_ptr<Prefetcher> prefetcher_;  // last: its thread ends before what it uses
};

const RegisterLayer<Data> registered("Data", "data_param", "transform_param");

}  // namespace
}  // namespace crema

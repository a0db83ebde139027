// MemoryData: batches of records that the program gives by feed() (core/feed.h), wrapping around at the end.
// No bottoms.  top[0] data: (batch_size, channels, height, width).  top[1] label, if named: (batch_size).
// Rejects data that is no whole number of batches, labels that are not one a record, and transform_param: the data is
// taken as it is.
#include "core/feed.h"
#include "core/layer.h"
#include "data/batch_position.h"
#include "math/loops.h"

namespace crema {
namespace {

class MemoryData final : public Layer, public Fed {
 public:
  explicit MemoryData(const LayerParameter& config)
      : batch_(config.memory_data_param().batch_size()), labels_wanted_(config.top_size() > 1), position_(batch_) {
    const MemoryDataParameter& c = config.memory_data_param();
    check(c.batch_size() > 0 && c.channels() > 0 && c.height() > 0 && c.width() > 0,
          "batch_size, channels, height and width are {}, {}, {} and {}; all must be given and positive",
          c.batch_size(), c.channels(), c.height(), c.width());
    check(!config.has_transform_param(), "MemoryData takes the data as it is; transform_param has no meaning here");
    shape_ = {batch_, c.channels(), c.height(), c.width()};
  }

  Contract contract() const override { return Contract().bottoms(0).tops(1, 2).no_backward(); }

  void reshape(const Bottoms&, const Tops& top) override {
    top[0]->reshape(shape_);
    if (labels_wanted_) top[1]->reshape({batch_});
  }

  void feed(std::vector<float> data, std::vector<float> labels) override {
    const auto numbers = static_cast<long>(data.size()), given = static_cast<long>(labels.size());
    const long records = numbers / shape_.count_from(1);
    check(numbers > 0 && numbers % shape_.count() == 0, "{} numbers are no whole number of batches of {} ({})", numbers,
          shape_.count(), shape_.str());
    check(given == records || (given == 0 && !labels_wanted_), "{} labels for {} records", given, records);
    // A resumed run is fed after its position was restored. Data that is fed later begins at its first record.
    if (!data_.empty()) position_.restore(0);
    data_ = std::move(data);
    labels_ = std::move(labels);
  }

  OwnMemory own_memory(bool) const override {
    return {static_cast<long>((data_.size() + labels_.size()) * sizeof(float)), 0};
  }

  void forward(const Bottoms&, const Tops& top) override {
    check(!data_.empty(), "has no data yet; the program gives it by feed(net, \"{}\", data, labels)", name());
    const uint64_t records = data_.size() / static_cast<uint64_t>(shape_.count_from(1));
    const uint64_t first = position_.begin(pass().replay) % records;
    position_.advance(pass().replay);
    copy(data_, first, top[0]);
    if (labels_wanted_) copy(labels_, first, top[1]);
  }

  void backward(const Tops&, const PropagateDown&, const Bottoms&) override {}

  void save(LayerProgress& progress) const override { progress.set_position(position_.consumed()); }
  void restore(const LayerProgress& progress) override { position_.restore(progress.position()); }

 private:
  // The records from `first` on. With another batch size, a restored position may be less than a batch before the end;
  // the copy then continues at the beginning.
  static void copy(const std::vector<float>& from, uint64_t first, Blob* to) {
    const long length = to->shape().count_from(1), all = static_cast<long>(from.size());
    const long begin = static_cast<long>(first) * length;
    for_elements(to->count(), 1, [=, x = from.data(), y = to->mutable_data()](long i) {
      const long at = begin + i;
      y[i] = x[at < all ? at : at - all];
    });
  }

  long batch_;
  Shape shape_;  // of a batch
  bool labels_wanted_;
  BatchPosition position_;
  std::vector<float> data_, labels_;
};

const RegisterLayer<MemoryData> registered("MemoryData", "memory_data_param");

}  // namespace
}  // namespace crema

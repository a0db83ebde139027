// HDF5Data: batches of rows from HDF5 files, wrapping around at the end; a batch may go on in the next file.
// No bottoms.  top[i]: (N, ...), rows of the data set that is named like the top, of any number of axes from 1 on.
// Rejects transform_param: the data is taken as it is.
#include <algorithm>
#include <memory>

#include "base/file.h"
#include "core/layer.h"
#include "data/batch_position.h"
#include "data/hdf5_rows.h"

namespace crema {
namespace {

class Hdf5Data final : public Layer {
 public:
  explicit Hdf5Data(const LayerParameter& config)
      : config_(config.hdf5_data_param()),
        names_(config.top().begin(), config.top().end()),
        position_(config_.batch_size()) {
    check(config_.batch_size() > 0, "batch_size is {}; it must be given and positive", config_.batch_size());
    check(config_.has_source(), "source is not given");
    check(!config_.shuffle() || config_.first_records() == 0,
          "first_records is {} with shuffle; rows are shuffled file by file, so take one of the two",
          config_.first_records());
    check(!config.has_transform_param(), "HDF5Data takes the data as it is; transform_param has no meaning here");
  }

  Contract contract() const override { return Contract().bottoms(0).tops(1, Contract::kAny).no_backward(); }

  void reshape(const Bottoms&, const Tops& top) override {
    if (!rows_) {
      const std::string list = find_beside(config_.source(), file(), "list of HDF5 files");
      rows_ = std::make_unique<Hdf5Rows>(Hdf5Rows::Options{list, names_, config_.shuffle(), seed(), name()});
    }
    for (size_t i = 0; i < top.size(); ++i) {
      std::vector<long> dims = rows_->row_dims(i);
      dims.insert(dims.begin(), config_.batch_size());
      top[i]->reshape(Shape(dims));
    }
  }

  void forward(const Bottoms&, const Tops& top) override {
    const bool replay = pass().replay;
    const uint64_t begin = position_.begin(replay);
    for (uint32_t n = 0; n < config_.batch_size(); ++n) {
      rows_->seek(config_.first_records() > 0 ? (begin + n) % std::min(config_.first_records(), rows_->size())
                                              : begin + n);
      for (size_t i = 0; i < top.size(); ++i) {
        const long count = rows_->row_count(i);
        std::copy_n(rows_->row(i), count, top[i]->mutable_data() + n * count);
      }
    }
    position_.advance(replay);
  }

  void backward(const Tops&, const PropagateDown&, const Bottoms&) override {}

  void save(LayerProgress& progress) const override { progress.set_position(position_.consumed()); }
  void restore(const LayerProgress& progress) override { position_.restore(progress.position()); }

 private:
  HDF5DataParameter config_;
  std::vector<std::string> names_;
  BatchPosition position_;
  std::unique_ptr<Hdf5Rows> rows_;
};

const RegisterLayer<Hdf5Data> registered("HDF5Data", "hdf5_data_param");

}  // namespace
}  // namespace crema
